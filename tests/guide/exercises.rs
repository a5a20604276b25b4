//! Each exercise fails as delivered, and passes with its answer.

use libtest_mimic::Trial;

#[path = "../../docs/guide/exercises/checks.rs"]
mod checks;

#[path = "../../docs/guide/answers/01.rs"]
mod a01;
#[path = "../../docs/guide/answers/02.rs"]
mod a02;
#[path = "../../docs/guide/answers/03.rs"]
mod a03;
#[path = "../../docs/guide/answers/04.rs"]
mod a04;
#[path = "../../docs/guide/answers/05.rs"]
mod a05;
#[path = "../../docs/guide/answers/06.rs"]
mod a06;
#[path = "../../docs/guide/answers/07.rs"]
mod a07;
#[path = "../../docs/guide/answers/08.rs"]
mod a08;
#[path = "../../docs/guide/answers/09.rs"]
mod a09;
#[path = "../../docs/guide/answers/10.rs"]
mod a10;
#[path = "../../docs/guide/answers/11.rs"]
mod a11;
#[path = "../../docs/guide/answers/12.rs"]
mod a12;
#[path = "../../docs/guide/answers/13.rs"]
mod a13;
#[path = "../../docs/guide/answers/14.rs"]
mod a14;
#[path = "../../docs/guide/answers/15.rs"]
mod a15;
#[path = "../../docs/guide/answers/16.rs"]
mod a16;
#[path = "../../docs/guide/exercises/01.rs"]
mod e01;
#[path = "../../docs/guide/exercises/02.rs"]
mod e02;
#[path = "../../docs/guide/exercises/03.rs"]
mod e03;
#[path = "../../docs/guide/exercises/04.rs"]
mod e04;
#[path = "../../docs/guide/exercises/05.rs"]
mod e05;
#[path = "../../docs/guide/exercises/06.rs"]
mod e06;
#[path = "../../docs/guide/exercises/07.rs"]
mod e07;
#[path = "../../docs/guide/exercises/08.rs"]
mod e08;
#[path = "../../docs/guide/exercises/09.rs"]
mod e09;
#[path = "../../docs/guide/exercises/10.rs"]
mod e10;
#[path = "../../docs/guide/exercises/11.rs"]
mod e11;
#[path = "../../docs/guide/exercises/12.rs"]
mod e12;
#[path = "../../docs/guide/exercises/13.rs"]
mod e13;
#[path = "../../docs/guide/exercises/14.rs"]
mod e14;
#[path = "../../docs/guide/exercises/15.rs"]
mod e15;
#[path = "../../docs/guide/exercises/16.rs"]
mod e16;

type Check = fn() -> Result<(), String>;

/// The check of the delivered exercise, and of the answer.
const EXERCISES: &[(&str, Check, Check)] = &[
    (
        "01",
        || checks::c01(e01::data_address),
        || checks::c01(a01::data_address),
    ),
    ("02", || checks::c02(e02::serve), || checks::c02(a02::serve)),
    ("03", || checks::c03(e03::serve), || checks::c03(a03::serve)),
    ("04", || checks::c04(e04::Lines::feed), || checks::c04(a04::Lines::feed)),
    ("05", || checks::c05(e05::on_readable), || checks::c05(a05::on_readable)),
    ("06", checks::c06::<e06::Names>, checks::c06::<a06::Names>),
    (
        "07",
        || checks::c07(e07::serve, e07::QUEUE_LIMIT, e07::LINES_PER_TURN),
        || checks::c07(a07::serve, a07::QUEUE_LIMIT, a07::LINES_PER_TURN),
    ),
    ("08", checks::c08::<e08::Deadlines>, checks::c08::<a08::Deadlines>),
    ("09", || checks::c09(e09::accept_all), || checks::c09(a09::accept_all)),
    ("10", checks::c10::<e10::Ports>, checks::c10::<a10::Ports>),
    ("11", || checks::c11(e11::restart_at), || checks::c11(a11::restart_at)),
    ("12", || checks::c12(e12::confine), || checks::c12(a12::confine)),
    ("13", || checks::c13(e13::send), || checks::c13(a13::send)),
    ("14", checks::c14::<e14::Passwords>, checks::c14::<a14::Passwords>),
    (
        "15",
        || checks::c15(e15::data_connection),
        || checks::c15(a15::data_connection),
    ),
    ("16", checks::c16::<e16::Letters>, checks::c16::<a16::Letters>),
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
    EXERCISES.iter().copied().map(trial).collect()
}
