//! When a batch would be done, beside the form that arms it.

use maud::{Markup, html};
use protocol::policy::Verification;

use super::Desk;
use super::guard::Fields;
use super::lang::Lang;
use super::page::moment;
use crate::arming::{self, ArmError, WantedImage, WantedWork};
use crate::forecast::{Basis, Forecast};
use crate::policies::{SHIPPED, Shipped};

/// By what the form says, or by what it offers first. None where that cannot be armed anyway.
pub(super) async fn ask(
    desk: &Desk,
    images: &[osimage::Manifest],
    n_waiting: usize,
    sent: Option<&Fields>,
) -> Option<Forecast> {
    let get = |name| sent.map_or("", |sent| sent.get(name));
    let image = images.iter().find(|image| image.id().to_string() == get("image"));
    let image = image.or(images.first()).map(osimage::Manifest::id);
    let work = match (get("kind"), image) {
        ("wipe", _) | (_, None) => WantedWork::Wipe,
        (_, Some(image)) => WantedWork::Refurbish {
            image: WantedImage::Chosen(image),
            locale: "en_US.UTF-8".to_owned(),
        },
    };
    let policy = Shipped::named(get("policy")).or(SHIPPED.first())?.policy().ok()?;
    let count = get("count").trim().parse().ok().or(u32::try_from(n_waiting).ok())?;
    match arming::preview(&desk.coordinator, (work, policy), count).await {
        Ok(forecast) => Some(forecast),
        // The form says so itself when it is sent.
        Err(ArmError::Image(_) | ArmError::NotInstallable { .. } | ArmError::Policy(_)) => None,
        Err(error) => {
            tracing::warn!(target: "dashboard", "no forecast: {error:#}");
            None
        }
    }
}

/// What it says.
pub(super) fn markup(lang: Lang, forecast: &Forecast) -> Markup {
    let words = lang.words();
    let Forecast { machines, unable, not_in_sight, ports, verification, .. } = forecast;
    let choice = |of, name: &str, seconds| {
        html! {
            dt { (name) @if of == *verification { " (" (words.forecast_this) ")" } }
            dd { (lang.duration(seconds)) }
        }
    };
    let n = |basis| machines.iter().filter(|machine| machine.basis == basis).count();
    html! {
        div .planned role="region" aria-labelledby="forecast" {
            h3 #forecast { (words.forecast) }
            @match (machines.first(), forecast.end) {
                (Some(slowest), Some(end)) => {
                    dl {
                        dt { (words.forecast_end) } dd { (moment(end)) }
                        dt { (words.forecast_slowest) }
                        dd {
                            (words.machine) " " (slowest.number.to_string()) ", " (slowest.drive) ": "
                            (lang.duration(slowest.by(*verification)))
                        }
                        (choice(Verification::Full, words.forecast_full, forecast.full_seconds))
                        (choice(Verification::Sampled, words.forecast_sampled, forecast.sampled_seconds))
                        dt { (words.forecast_basis) }
                        dd {
                            (words.basis_drive) ": " (n(Basis::Drive)) " · "
                            (words.basis_measured) ": " (n(Basis::Measured)) " · "
                            (words.basis_assumed) ": " (n(Basis::Assumed))
                        }
                        @if *not_in_sight > 0 { dt { (words.forecast_absent) } dd { (not_in_sight) } }
                        @if let Some(ports) = ports { dt { (words.ports) } dd { (ports) } }
                    }
                }
                _ => p .hint { (words.forecast_none) }
            }
            @for unable in unable {
                p .hint {
                    (words.forecast_unable) ": " (words.machine) " " (unable.number.to_string()) ", "
                    span lang="en" { (unable.because) }
                }
            }
        }
    }
}
