//! The exercises of the guide: `cargo test --test exercises -- 04` runs that of chapter 4.
//!
//! They fail. Change the numbered file until its test passes; the answers are in `docs/guide/answers`.

#[allow(dead_code, reason = "some of it is first used by a solution")]
mod checks;

#[path = "01.rs"]
mod e01;
#[path = "02.rs"]
mod e02;
#[path = "03.rs"]
mod e03;
#[path = "04.rs"]
mod e04;
#[path = "05.rs"]
mod e05;
#[path = "06.rs"]
mod e06;
#[path = "07.rs"]
mod e07;
#[path = "08.rs"]
mod e08;
#[path = "09.rs"]
mod e09;
#[path = "10.rs"]
mod e10;
#[path = "11.rs"]
mod e11;
#[path = "12.rs"]
mod e12;
#[path = "13.rs"]
mod e13;
#[path = "14.rs"]
mod e14;
#[path = "15.rs"]
mod e15;
#[path = "16.rs"]
mod e16;

type Outcome = Result<(), String>;

#[test]
fn exercise_01_the_address_in_a_227() -> Outcome {
    checks::c01(e01::data_address)
}

#[test]
fn exercise_02_a_silent_client_does_not_stop_the_server() -> Outcome {
    checks::c02(e02::serve)
}

#[test]
fn exercise_03_clients_are_not_counted_for_ever() -> Outcome {
    checks::c03(e03::serve)
}

#[test]
fn exercise_04_lines_come_in_pieces() -> Outcome {
    checks::c04(e04::Lines::feed)
}

#[test]
fn exercise_05_an_event_announces_all_bytes() -> Outcome {
    checks::c05(e05::on_readable)
}

#[test]
fn exercise_06_a_stale_token_finds_nothing() -> Outcome {
    checks::c06::<e06::Names>()
}

#[test]
fn exercise_07_no_client_takes_all_memory_or_all_time() -> Outcome {
    checks::c07(e07::serve, e07::QUEUE_LIMIT, e07::LINES_PER_TURN)
}

#[test]
fn exercise_08_a_deadline_that_moves_is_kept() -> Outcome {
    checks::c08::<e08::Deadlines>()
}

#[test]
fn exercise_09_accepting_goes_on_after_descriptors_ran_out() -> Outcome {
    checks::c09(e09::accept_all)
}

#[test]
fn exercise_10_only_ports_that_are_bound_are_announced() -> Outcome {
    checks::c10::<e10::Ports>()
}

#[test]
fn exercise_11_positions_beyond_32_bits() -> Outcome {
    checks::c11(e11::restart_at)
}

#[test]
fn exercise_12_nothing_of_root_is_left() -> Outcome {
    checks::c12(e12::confine)
}

#[test]
fn exercise_13_sendfile_moves_what_it_can() -> Outcome {
    checks::c13(e13::send)
}

#[test]
fn exercise_14_passwords_are_checked_beside_the_loop() -> Outcome {
    checks::c14::<e14::Passwords>()
}

#[test]
fn exercise_15_strangers_get_no_data_connection() -> Outcome {
    checks::c15(e15::data_connection)
}

#[test]
fn exercise_16_a_task_that_waits_is_woken() -> Outcome {
    checks::c16::<e16::Letters>()
}
