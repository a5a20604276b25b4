//! Each exercise fails as delivered, and passes with its answer.

use libtest_mimic::Trial;

#[path = "../../docs/guide/exercises/checks.rs"]
mod checks;

#[path = "../../docs/guide/answers/01.rs"]
mod a01;
#[path = "../../docs/guide/answers/02.rs"]
mod a02;
#[path = "../../docs/guide/exercises/01.rs"]
mod e01;
#[path = "../../docs/guide/exercises/02.rs"]
mod e02;

type Check = fn() -> Result<(), String>;

/// The check of the delivered exercise, and of the answer.
const EXERCISES: [(&str, Check, Check); 2] = [
    (
        "01",
        || checks::c01(e01::data_address),
        || checks::c01(a01::data_address),
    ),
    ("02", || checks::c02(e02::serve), || checks::c02(a02::serve)),
];

pub fn trials() -> Vec<Trial> {
    let trial = |(number, delivered, answer): (&'static str, Check, Check)| {
        Trial::test(
            format!("exercise {number} fails as delivered and passes with its answer"),
            move || {
                answer().map_err(|why| format!("the answer does not pass: {why}"))?;
                assert!(
                    delivered().is_err(),
                    "docs/guide/exercises/{number}.rs passes: it is solved, or not an exercise"
                );
                Ok(())
            },
        )
    };
    EXERCISES.into_iter().map(trial).collect()
}
