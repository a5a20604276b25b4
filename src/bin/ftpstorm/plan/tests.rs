//! What clients do for a command line.

use super::*;
use crate::options::tests::options;

/// The transfer commands of the first client, and how many classes there are.
fn transfers(line: &str) -> (Vec<String>, usize) {
    let options = options(line);
    let plan = Plan::new(&options);
    let line = |step: &ScriptStep| match step {
        ScriptStep::Transfer { line, .. } => Some(line.to_string()),
        _ => None,
    };
    let operations = plan.roles[0].repertoire.iter().map(|(_, operation)| operation);
    let transfers = operations.flat_map(|operation| &operation.steps).filter_map(line);
    (transfers.collect(), plan.classes.len())
}

#[test]
fn an_upload_is_downloaded_again_unless_uploads_alone_are_measured() {
    let (usual, _) = transfers("upload 127.0.0.1:21 --path up");
    assert_eq!(usual, ["STOR up/storm-0.pattern", "RETR up/storm-0.pattern"]);
    let (alone, _) = transfers("upload 127.0.0.1:21 --path up --store-only");
    assert_eq!(alone, ["STOR up/storm-0.pattern"]);
}

#[test]
fn a_mix_uploads_beside_the_file_that_it_downloads_and_has_classes_only_for_its_parts() {
    let upload = ["STOR /up/storm-0.pattern", "RETR /up/storm-0.pattern"];
    let (beside, classes) = transfers("mixed 127.0.0.1:21 --path /up/file --mix download=1,upload=1");
    assert_eq!(
        (&beside[..], classes),
        (&["RETR /up/file", upload[0], upload[1]].map(str::to_owned)[..], 3)
    );
    let (into, classes) = transfers("mixed 127.0.0.1:21 --path /up/ --mix upload=1");
    assert_eq!(
        (&into[..], classes),
        (&upload.map(str::to_owned)[..], 2),
        "with the login"
    );
}

#[test]
fn attackers_misbehave_beside_two_clients_at_other_addresses_that_are_judged() {
    for attack in ["hoard", "slowloris", "stall", "reset", "flood", "lines"] {
        let options = options(&format!("{attack} 127.0.0.1:21 --path f"));
        let plan = Plan::new(&options);
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
