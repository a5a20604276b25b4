//! What clients do for a command line.

use super::*;
use crate::options::{ParsedArguments, parse};

fn plan(line: &str) -> Plan {
    match parse(line.split_whitespace().map(std::ffi::OsString::from)) {
        Ok(ParsedArguments::Run(options)) => Plan::new(&options),
        other => panic!("{line}: {other:?}"),
    }
}

/// The transfer commands of the first client.
fn transfers(plan: &Plan) -> Vec<String> {
    let (_, operation) = &plan.roles[0].repertoire[0];
    let line = |step: &ScriptStep| match step {
        ScriptStep::Transfer { line, .. } => Some(line.to_string()),
        _ => None,
    };
    operation.steps.iter().filter_map(line).collect()
}

#[test]
fn an_upload_is_downloaded_again_unless_uploads_alone_are_measured() {
    let usual = plan("upload 127.0.0.1:21 --path up");
    assert_eq!(
        transfers(&usual),
        ["STOR up/storm-0.pattern", "RETR up/storm-0.pattern"]
    );
    let alone = plan("upload 127.0.0.1:21 --path up --store-only");
    assert_eq!(transfers(&alone), ["STOR up/storm-0.pattern"]);
}

#[test]
fn a_mix_uploads_beside_the_file_that_it_downloads_and_has_classes_only_for_its_parts() {
    let stored = |line: &str| {
        let plan = plan(line);
        let uploads: Vec<_> = plan.roles[0]
            .repertoire
            .iter()
            .map(|(_, operation)| operation)
            .collect();
        let classes = plan.classes.len();
        let line = uploads
            .iter()
            .flat_map(|operation| &operation.steps)
            .find_map(|step| match step {
                ScriptStep::Transfer { line, .. } if line.starts_with("STOR") => Some(line.to_string()),
                _ => None,
            });
        (line.expect("an upload"), classes)
    };
    let beside = stored("mixed 127.0.0.1:21 --path /up/file --mix download=1,upload=1");
    assert_eq!(beside, ("STOR /up/storm-0.pattern".to_owned(), 3), "with the login");
    let into = stored("mixed 127.0.0.1:21 --path /up/ --mix upload=1");
    assert_eq!(into, ("STOR /up/storm-0.pattern".to_owned(), 2));
}

#[test]
fn attackers_misbehave_beside_two_clients_at_other_addresses_that_are_judged() {
    for attack in ["hoard", "slowloris", "stall", "reset", "flood", "lines"] {
        let plan = plan(&format!("{attack} 127.0.0.1:21 --path f"));
        let [attackers, prober, lister] = &plan.roles[..] else {
            panic!("{attack}: {:?}", plan.roles);
        };
        assert!(attackers.is_counted && attackers.sources.is_some(), "{attack}");
        for (role, is_judged) in [(attackers, false), (prober, true), (lister, true)] {
            assert!(!role.repertoire.is_empty(), "{attack}");
            let operations = role.repertoire.iter().map(|(_, operation)| operation);
            for operation in operations.chain(&role.login) {
                assert_eq!(plan.classes[operation.class].is_judged, is_judged, "{attack}");
            }
        }
        assert!(prober.sources.is_none() && lister.sources.is_none(), "{attack}");
    }
}
