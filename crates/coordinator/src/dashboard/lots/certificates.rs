//! All that a lot's machines earned, in one file that an office opens: certificates, the site's key, the page that checks
//! them, and the reckoning.

use std::io::{Cursor, Write as _};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use protocol::{MachineId, MachineNumber};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::super::guard::Visitor;
use super::super::lang::Lang;
use super::super::page::refusal_page;
use super::super::{Desk, Shared};
use super::{broken, find, table, unknown};
use crate::admin::actions::exported;
use crate::certificate::{CertificateError, certificate, site_keys};
use crate::coordinator::Coordinator;
use crate::lots::actions::Named;
use crate::lots::view::LotView;
use crate::simulated::{file_name, first_line};
use crate::site;
use crate::verify_page::VERIFY_PAGE;

/// Why there is no such file.
#[derive(Debug, thiserror::Error)]
enum PackError {
    #[error(transparent)]
    Certificate(Box<CertificateError>),
    #[error("packing the certificates of a lot")]
    Zip(#[from] zip::result::ZipError),
    #[error("packing the certificates of a lot")]
    Io(#[from] std::io::Error),
    #[error("packing the certificates of a lot was not finished")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// What goes out, and of whom.
struct Packed {
    zip: Vec<u8>,
    machines: Vec<MachineId>,
}

/// `GET /lots/{id}/certificates`
pub(in super::super) async fn download(
    State(desk): Shared,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Response {
    let lot = match find(&desk, &id).await {
        Ok(Some(lot)) => lot,
        Ok(None) => return unknown(&visitor).into_response(),
        Err(error) => return broken(&visitor, &error).into_response(),
    };
    let name = file_name(desk.coordinator.site.simulated, &format!("lot-{}.zip", lot.id));
    let name = format!("attachment; filename=\"{name}\"");
    let packed = match packed(&desk, visitor.lang, lot).await {
        Ok(packed) => packed,
        Err(error) => {
            tracing::error!(target: "dashboard", "{:#}", anyhow::Error::from(error));
            let words = visitor.lang.words().certificate_failed;
            return refusal_page(visitor.lang, StatusCode::SERVICE_UNAVAILABLE, words)
                .into_response();
        }
    };
    for machine in packed.machines {
        if let Err(error) = exported(&desk.coordinator.journal, machine, visitor.by).await {
            return broken(&visitor, &error).into_response();
        }
    }
    ([(CONTENT_TYPE, "application/zip".to_owned()), (CONTENT_DISPOSITION, name)], packed.zip)
        .into_response()
}

/// Makes it where that may take a while: each certificate is signed anew.
async fn packed(desk: &Arc<Desk>, lang: Lang, lot: LotView) -> Result<Packed, PackError> {
    let coordinator = desk.coordinator.clone();
    tokio::task::spawn_blocking(move || pack(&coordinator, lang, &lot)).await?
}

fn pack(coordinator: &Coordinator, lang: Lang, lot: &LotView) -> Result<Packed, PackError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, content: &[u8]| -> Result<(), PackError> {
        zip.start_file(name, SimpleFileOptions::default())?;
        Ok(zip.write_all(content)?)
    };
    let simulated = coordinator.site.simulated;
    let name = |name: &str| file_name(simulated, name);
    let (mut machines, mut without) = (Vec::new(), String::new());
    for number in numbers(lot) {
        match certificate(coordinator, number) {
            Ok(file) => {
                add(&name(&format!("machine-{number}.json")), file.as_bytes())?;
                machines.extend(machine(coordinator, number));
            }
            Err(why @ (CertificateError::NotEarned { .. } | CertificateError::Unknown(_))) => {
                without.push_str(&format!("{why}\r\n"));
            }
            Err(error) => return Err(PackError::Certificate(Box::new(error))),
        }
    }
    if !without.is_empty() {
        let text = format!("{}{without}", first_line(simulated));
        add(&name("without-certificate.txt"), text.as_bytes())?;
    }
    add(site::PUBLIC, site_keys(coordinator).to_text().as_bytes())?;
    add("verify.html", VERIFY_PAGE.html.as_bytes())?;
    add(&name("lot.csv"), table::csv(lang, lot, simulated).as_bytes())?;
    Ok(Packed { zip: zip.finish()?.into_inner(), machines })
}

/// The machines that were received; a laptop that was taken in by hand never earned one.
fn numbers(lot: &LotView) -> Vec<MachineNumber> {
    let mut numbers: Vec<_> = lot
        .received
        .iter()
        .filter_map(|it| match it.thing {
            Named::Machine(number) => Some(number),
            Named::Item(_) => None,
        })
        .collect();
    numbers.sort_unstable();
    numbers
}

fn machine(coordinator: &Coordinator, number: MachineNumber) -> Option<MachineId> {
    coordinator.journal.published().bench.numbered(number).map(|machine| machine.id)
}
