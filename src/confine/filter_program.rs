//! What a filter of system calls decides, found by running its program as the kernel would.
//!
//! This checks the filters without making the calls: those that have no safe function, and those that would do harm if
//! they succeeded.

use seccompiler::sock_filter;

/// A system call, as a filter sees it (`struct seccomp_data`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SystemCall {
    /// The architecture as in the kernel's audit log.
    pub architecture: u32,
    pub number: u32,
    pub arguments: [u64; 6],
}

// The instructions that seccompiler generates (linux/bpf_common.h).
const LOAD_WORD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_GREATER: u16 = 0x25;
const JUMP_IF_GREATER_OR_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;

/// What `program` returns for `call`; `None`: it is not a filter that the kernel would accept.
pub(super) fn verdict(program: &[sock_filter], call: &SystemCall) -> Option<u32> {
    let mut accumulator = 0;
    let mut next = 0;
    loop {
        let instruction = program.get(next)?;
        next += 1;
        let operand = instruction.k;
        let jump_if = |condition: bool| usize::from(if condition { instruction.jt } else { instruction.jf });
        match instruction.code {
            LOAD_WORD => accumulator = call.word(operand)?,
            AND => accumulator &= operand,
            JUMP => next += usize::try_from(operand).ok()?,
            JUMP_IF_EQUAL => next += jump_if(accumulator == operand),
            JUMP_IF_GREATER => next += jump_if(accumulator > operand),
            JUMP_IF_GREATER_OR_EQUAL => next += jump_if(accumulator >= operand),
            RETURN => return Some(operand),
            _ => return None,
        }
    }
}

impl SystemCall {
    /// The four bytes at an offset: number, architecture, 8 bytes that no filter uses, arguments.
    fn word(&self, offset: u32) -> Option<u32> {
        match offset {
            0 => Some(self.number),
            4 => Some(self.architecture),
            _ => {
                let place = offset.checked_sub(16)?;
                let argument = self.arguments.get(usize::try_from(place / 8).ok()?)?;
                match place % 8 {
                    0 => Some((argument & u64::from(u32::MAX)) as u32),
                    4 => Some((argument >> u32::BITS) as u32),
                    _ => None,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instruction(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
        sock_filter { code, jt, jf, k }
    }

    #[test]
    fn a_program_is_run_to_its_return() {
        let call = SystemCall {
            architecture: 7,
            number: 5,
            arguments: [1, 2, 0x3_0000_00f0, 4, 5, 6],
        };
        let program = [
            instruction(LOAD_WORD, 0, 0, 0),
            instruction(JUMP_IF_EQUAL, 5, 1, 0),
            instruction(RETURN, 1, 0, 0),
            instruction(LOAD_WORD, 16 + 16, 0, 0),
            instruction(AND, 0x30, 0, 0),
            instruction(JUMP_IF_GREATER, 0x2f, 0, 1),
            instruction(RETURN, 2, 0, 0),
            instruction(RETURN, 3, 0, 0),
        ];
        assert_eq!(verdict(&program, &call), Some(2));
        assert_eq!(verdict(&program, &SystemCall { number: 6, ..call }), Some(1));
        assert_eq!(
            verdict(
                &program,
                &SystemCall {
                    arguments: [0; 6],
                    ..call
                }
            ),
            Some(3)
        );
        assert_eq!(call.word(16 + 20), Some(3), "the upper half of the third argument");
        assert_eq!(call.word(4), Some(7));
    }

    #[test]
    fn a_program_without_a_return_has_no_verdict() {
        let call = SystemCall {
            architecture: 0,
            number: 0,
            arguments: [0; 6],
        };
        assert_eq!(verdict(&[instruction(JUMP, 9, 0, 0)], &call), None);
        assert_eq!(verdict(&[instruction(0x99, 0, 0, 0)], &call), None);
        assert_eq!(verdict(&[instruction(LOAD_WORD, 8, 0, 0)], &call), None);
    }
}
