//! Virtual paths: canonical whatever the spelling, within the limits, and the same in one step as in two.

use loopftpd::ftp::path::VirtualPath;

/// A working directory and an argument, separated by a NUL, which no argument can contain.
pub fn check(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let from = parts.next().unwrap_or_default();
    let argument: Vec<u8> = parts
        .next()
        .unwrap_or_default()
        .iter()
        .copied()
        .filter(|byte| *byte != 0)
        .collect();
    let Some(base) = VirtualPath::ROOT.join(from) else {
        let is_long = from.split(|byte| *byte == b'/').any(|part| part.len() > 255) || from.len() > 4094;
        assert!(is_long, "only long paths are refused");
        return;
    };
    check_canonical(&base);
    let Some(path) = base.join(&argument) else {
        let is_long = argument.split(|byte| *byte == b'/').any(|part| part.len() > 255)
            || base.as_bytes().len() + argument.len() > 4094;
        assert!(is_long, "only long paths are refused");
        return;
    };
    check_canonical(&path);
    assert_eq!(
        path.as_bytes(),
        naive(base.as_bytes(), &argument),
        "as a second resolver resolves it"
    );

    // Component by component, as a client that changes its directory step by step.
    let mut step_by_step = if argument.starts_with(b"/") {
        VirtualPath::ROOT
    } else {
        base.clone()
    };
    for component in argument.split(|byte| *byte == b'/') {
        step_by_step = match step_by_step.join(component) {
            Some(next) => next,
            // Too long in between, but not at the end.
            None => return,
        };
    }
    assert_eq!(step_by_step, path, "in one step and in many");
}

fn check_canonical(path: &VirtualPath) {
    let bytes = path.as_bytes();
    assert!(
        bytes.starts_with(b"/") && bytes.len() <= 4095,
        "absolute, and within PATH_MAX"
    );
    assert!(!bytes.contains(&0));
    assert!(bytes == b"/" || !bytes.ends_with(b"/"));
    let mut rebuilt = VirtualPath::ROOT;
    for component in path.components() {
        assert!(!component.is_empty() && component != b"." && component != b"..");
        assert!(!component.contains(&b'/') && component.len() <= 255);
        rebuilt = rebuilt.child(component);
    }
    assert_eq!(&rebuilt, path, "it consists of its components");
    assert_eq!(
        VirtualPath::ROOT.join(bytes).as_ref(),
        Some(path),
        "it is its own canonical form"
    );
    assert!(!path.relative().starts_with(b"/") && !path.relative().is_empty());
    match path.split_last() {
        None => assert_eq!(path, &VirtualPath::ROOT),
        Some((parent, name)) => {
            assert_eq!(
                VirtualPath::ROOT.join(parent).map(|parent| parent.child(name)).as_ref(),
                Some(path)
            );
            assert_eq!(path.join(b"..").as_ref(), Some(&path.parent()));
        }
    }
}

/// The canonical path by way of a list of names.
fn naive(base: &[u8], argument: &[u8]) -> Vec<u8> {
    let mut names: Vec<&[u8]> = Vec::new();
    let before = if argument.starts_with(b"/") { &b""[..] } else { base };
    for part in before
        .split(|byte| *byte == b'/')
        .chain(argument.split(|byte| *byte == b'/'))
    {
        match part {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    [b"/", &names.join(&b'/')[..]].concat()
}
