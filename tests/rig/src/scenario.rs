//! What a rig shows, one scenario after the other, and how it says so.

use std::io::{self, Write};
use std::time::Instant;

/// A claim about the kernel, our code and a simulated drive together.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// One word, unique: the test outside the guest waits for it.
    pub name: &'static str,
    /// Runs it. Gives what was seen, in a few words.
    pub run: fn() -> anyhow::Result<String>,
}

impl Scenario {
    /// A line of a table.
    pub const fn new(name: &'static str, run: fn() -> anyhow::Result<String>) -> Self {
        Self { name, run }
    }
}

/// Runs all of them and writes a line for each: `RIG ok NAME: SEEN (SECONDS)`, `RIG FAIL NAME: WHY`; at the end
/// `RIG done N`, how many ran.
///
/// # Errors
/// When the lines cannot be written.
pub fn run_all(scenarios: &[Scenario], mut report: impl Write) -> io::Result<()> {
    for scenario in scenarios {
        let start = Instant::now();
        let outcome = (scenario.run)();
        let seconds = start.elapsed().as_secs_f32();
        match outcome {
            Ok(seen) => writeln!(report, "RIG ok {}: {seen} ({seconds:.1} s)", scenario.name)?,
            Err(error) => writeln!(report, "RIG FAIL {}: {error:#}", scenario.name)?,
        }
        report.flush()?;
    }
    writeln!(report, "RIG done {}", scenarios.len())?;
    report.flush()
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn every_scenario_leaves_a_line() {
        let scenarios = [
            Scenario::new("good", || Ok("two drives".to_owned())),
            Scenario::new("bad", || bail!("no drive")),
        ];
        let mut report = Vec::new();
        run_all(&scenarios, &mut report).unwrap();
        let text = String::from_utf8(report).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("RIG ok good: two drives ("), "{text}");
        assert_eq!(lines[1..], ["RIG FAIL bad: no drive", "RIG done 2"]);
    }
}
