//! Prometheus' text format, version 0.0.4: families of samples. Pure.
//!
//! Written here rather than by a crate: it is a page, and all but one of our values are read from the journal's state
//! when somebody asks, which the crates' registries are not made for.

use std::fmt::{Display, Write as _};

use super::histogram::Snapshot;

/// What the answer says it is.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a value does over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows; begins anew with the process, unless it is read from the journal.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// The page that is being written.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// A family of one sample.
    pub(super) fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.family::<&str>(name, kind, help, "", [("", value.to_string())]);
    }

    /// A family with a sample for each value of one label. No label: its name is empty.
    pub(super) fn family<L: AsRef<str>>(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        label: &str,
        samples: impl IntoIterator<Item = (L, String)>,
    ) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        self.head(name, kind, help);
        for (value_of_label, value) in samples {
            let labels = match label {
                "" => String::new(),
                label => format!("{{{label}=\"{}\"}}", escaped(value_of_label.as_ref())),
            };
            self.line(format_args!("{name}{labels} {value}"));
        }
    }

    /// A family of durations, in seconds.
    pub(super) fn histogram(&mut self, name: &str, help: &str, snapshot: &Snapshot) {
        self.head(name, "histogram", help);
        for (le, count) in &snapshot.buckets {
            self.line(format_args!("{name}_bucket{{le=\"{}\"}} {count}", le.as_secs_f64()));
        }
        self.line(format_args!("{name}_bucket{{le=\"+Inf\"}} {}", snapshot.count));
        self.line(format_args!("{name}_sum {}", snapshot.sum.as_secs_f64()));
        self.line(format_args!("{name}_count {}", snapshot.count));
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{line}");
    }
}

/// The value of a label as it stands between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn families_are_written_as_the_format_wants_them() {
        let mut page = Exposition::default();
        page.single("a_total", Kind::Counter, "Two\nlines \\.", 7);
        page.family("b", Kind::Gauge, "B.", "state", [("x\"\\\n", "1".to_owned())]);
        let buckets = vec![(Duration::from_millis(2), 1), (Duration::from_millis(5), 3)];
        let snapshot = Snapshot { buckets, count: 4, sum: Duration::from_millis(1500) };
        page.histogram("c_seconds", "C.", &snapshot);
        let expected = "# HELP a_total Two\\nlines \\\\.\n# TYPE a_total counter\na_total 7\n\
            # HELP b B.\n# TYPE b gauge\nb{state=\"x\\\"\\\\\\n\"} 1\n\
            # HELP c_seconds C.\n# TYPE c_seconds histogram\nc_seconds_bucket{le=\"0.002\"} 1\n\
            c_seconds_bucket{le=\"0.005\"} 3\nc_seconds_bucket{le=\"+Inf\"} 4\nc_seconds_sum 1.5\nc_seconds_count 4\n";
        assert_eq!(page.finish(), expected);
    }
}
