//! The fuzz targets with every input of their corpora, without libFuzzer.

#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

use std::fs;
use std::path::Path;

#[test]
fn every_input_of_the_fuzz_corpora_passes() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (name, check) in bodies::ALL {
        let mut count = 0;
        for entry in fs::read_dir(corpora.join(name)).expect("a corpus") {
            let path = entry.expect("an input").path();
            let input = fs::read(&path).expect("an input");
            let outcome = std::panic::catch_unwind(|| check(&input));
            assert!(outcome.is_ok(), "{name} fails with {}", path.display());
            count += 1;
        }
        assert!(count >= 5, "{name}: {count} inputs");
    }
}
