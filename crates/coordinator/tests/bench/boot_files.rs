//! The plain HTTP port, as firmware and GRUB use it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::coordinator::Coordinator;
use crate::hardware::laptop;
use crate::laptop::Laptop;

/// Status, headers (lower case) and body of one plain request.
pub(crate) async fn request(
    bench: &Coordinator,
    method: &str,
    path: &str,
    headers: &str,
) -> (u16, String, Vec<u8>) {
    let text = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    raw(bench, text.as_bytes()).await
}

pub(crate) async fn raw(bench: &Coordinator, bytes: &[u8]) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(bench.http()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, answer[end + 4..].to_vec())
}

fn with_appliance(flags: &[&str]) -> (tempfile::TempDir, Coordinator) {
    let appliance = tempfile::tempdir().unwrap();
    for name in ["bootx64.efi", "grubx64.efi", "vmlinuz", "initrd.zst"] {
        std::fs::write(appliance.path().join(name), format!("this is {name}")).unwrap();
    }
    let directory = appliance.path().to_str().unwrap().to_owned();
    let flags = [&["--appliance", &directory], flags].concat();
    let bench = Coordinator::start(&flags);
    (appliance, bench)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_with_length_ranges_and_head_and_what_is_not_there_is_not_there() {
    let (_appliance, bench) = with_appliance(&[]);
    let (status, head, body) = request(&bench, "GET", "/vmlinuz", "").await;
    assert_eq!((status, body.as_slice()), (200, b"this is vmlinuz".as_slice()));
    assert!(head.contains("content-length: 15") && !head.contains("transfer-encoding"), "{head}");
    let (status, head, body) = request(&bench, "HEAD", "/vmlinuz", "").await;
    assert_eq!((status, body.len()), (200, 0));
    assert!(head.contains("content-length: 15"), "{head}");
    let (status, head, body) = request(&bench, "GET", "/vmlinuz", "Range: bytes=5-6\r\n").await;
    assert_eq!((status, body.as_slice()), (206, b"is".as_slice()));
    assert!(head.contains("content-range: bytes 5-6/15"), "{head}");
    let (status, head, _) = request(&bench, "GET", "/vmlinuz", "Range: bytes=15-\r\n").await;
    assert!(status == 416 && head.contains("content-range: bytes */15"), "{head}");
    for missing in ["/revocations_sku.efi", "/grub/x86_64-efi/fs.lst", "/../site.key", "/site.key"]
    {
        assert_eq!(request(&bench, "GET", missing, "").await.0, 404, "{missing}");
    }
    let (status, _, body) = request(&bench, "GET", "/site.cpio", "").await;
    let text = String::from_utf8_lossy(&body).into_owned();
    assert!(status == 200 && text.contains(&bench.site.site_key.to_string()));
    let secret = std::fs::read_to_string(bench.data.path().join("site.key")).unwrap();
    assert!(!text.contains(secret.trim()), "the private key is served");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_gets_the_appliance_only_when_there_is_work_or_doubt() {
    let (_appliance, bench) = with_appliance(&["--kernel-args", "console=ttyS0"]);
    let menu = async |mac: &str, uuid: &str| {
        let path = format!("/grub/machine/{mac}/{uuid}");
        let (status, _, body) = request(&bench, "GET", &path, "").await;
        assert_eq!(status, 200);
        String::from_utf8(body).unwrap()
    };
    let (mac, uuid) = ("52:54:00:00:00:01", "4C4C4544-0038-4710-8052-000000000001");
    assert!(!menu(mac, uuid).await.contains("vmlinuz"), "nothing is armed");
    bench.arm_wipe(2);
    let appliance = menu(mac, uuid).await;
    let line = format!("panic=30 rehome.mac={mac} rehome.uuid={uuid} rehome.lang=en console=ttyS0");
    assert!(appliance.contains(&line), "{appliance}");

    let mut machine = Laptop::booted(laptop(1));
    machine.enroll(&bench).await;
    bench.json(&["machine", "pick", "1"]);
    let request = machine.request(&machine.job(&bench).await, 1);
    let (ticket, _) = machine.ticket(&bench, &request).await.unwrap();
    machine.wipe(&ticket, &request.plan.unwrap());
    machine.note(protocol::Step::Finished {});
    assert!(machine.send(&bench, &machine.records).await.0.is_success());

    assert!(!menu(mac, uuid).await.contains("vmlinuz"), "finished: its own disk");
    // Another machine behind the same dock: the address is the same, the UUID is not.
    let other = "4C4C4544-0038-4710-8052-0000000000FF";
    assert!(menu(mac, other).await.contains("vmlinuz"));
    assert!(menu(mac, "none").await.contains("vmlinuz"), "in doubt the appliance decides");
    assert!(menu("52:54:00:00:00:02", uuid).await.contains("vmlinuz"));
    // What does not look like an address or a UUID never reaches the kernel's command line.
    let odd = menu("x;reboot", "a%22%0Aboot").await;
    assert!(odd.contains("panic=30 rehome.lang=en console=ttyS0"), "{odd}");
}
