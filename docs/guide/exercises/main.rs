//! The exercises of the guide: `cargo test --test exercises -- 04` runs that of chapter 4.
//!
//! They fail. Change the numbered file until its test passes; the answers are in `docs/guide/answers`.

mod checks;

#[path = "01.rs"]
mod e01;
#[path = "02.rs"]
mod e02;

type Outcome = Result<(), String>;

#[test]
fn exercise_01_the_address_in_a_227() -> Outcome {
    checks::c01(e01::data_address)
}

#[test]
fn exercise_02_a_silent_client_does_not_stop_the_server() -> Outcome {
    checks::c02(e02::serve)
}
