use std::path::Path;

use super::*;
use crate::images::ImportOptions;

fn word() -> Word {
    Word { by: "Ola".to_owned(), because: "yearly".to_owned() }
}

/// What `serve` does when it starts; gives the keys that the site has then.
fn start(data: &DataDir) -> SiteKeys {
    finish(data).unwrap();
    let site = Site::open(data.path()).unwrap();
    let journal = Journal::open(&data.join(JOURNAL), site.public()).unwrap();
    let images = ImageStore::open(data.path(), site.public()).unwrap();
    let keys = journal.published().bench.site_keys().unwrap().clone();
    publish(data, &site, &keys, &images).unwrap();
    assert_eq!(keys.present(), site.public());
    let text = std::fs::read_to_string(data.join(site::PUBLIC)).unwrap();
    assert_eq!(text.parse::<SiteKeys>().unwrap(), keys);
    assert!(images.list().unwrap().damaged.is_empty(), "an image cannot be used");
    keys
}

/// A site with one image.
fn site(folder: &Path) -> (DataDir, SiteKey) {
    let data = DataDir::open(folder).unwrap();
    let first = start(&data).present();
    let raw = data.join("noise.raw");
    File::create(&raw).unwrap().set_len(8 << 20).unwrap();
    let mut sgdisk = std::process::Command::new("sgdisk");
    sgdisk.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").args(["-n1:2048:+4M", "-t1:8304"]);
    assert!(sgdisk.arg(&raw).output().unwrap().status.success());
    let (name, title) = ("noise".to_owned(), "Noise".to_owned());
    let guids = osimage::Guids::Fresh;
    let options = ImportOptions { name, title, created: 0, guids, root: None };
    let site = Site::open(data.path()).unwrap();
    let images = ImageStore::open(data.path(), site.public()).unwrap();
    images.add(&raw, &options, &site.key, &mut |_| ()).unwrap();
    (data, first)
}

#[tokio::test]
async fn certificates_of_all_keys_are_of_one_line_after_a_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let (data, first) = site(folder.path());
    for n in 1..=2 {
        let rotated = rotate(&data, word()).await.unwrap();
        assert_eq!((rotated.keys.first(), rotated.keys.rotations().len()), (first, n));
        assert_eq!(start(&data), rotated.keys);
        assert_eq!(rotated.images, 1);
        assert!(!data.join(NEXT).exists());
    }
    assert!(rotate(&data, Word { because: " ".into(), ..word() }).await.is_err());
}

/// The power goes after each step. `serve` starts again, or somebody rotates again.
#[tokio::test]
async fn a_rotation_that_was_interrupted_is_finished_or_has_not_happened() {
    for steps in 0..=4 {
        for by_serve in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let (data, first) = site(folder.path());
            let mut new = None;
            if steps >= 1 {
                new = Some(SiteKey::from_bytes(prepare(&data).unwrap().public()));
            }
            if steps >= 2 {
                record(&data, prepare(&data).unwrap(), word()).await.unwrap();
            }
            if steps >= 3 {
                finish(&data).unwrap();
            }
            if steps >= 4 {
                start(&data);
            }
            let is_recorded = steps >= 2;
            if by_serve {
                let keys = start(&data);
                assert_eq!(keys.rotations().len(), usize::from(is_recorded), "after {steps}");
                let expected = if is_recorded { new.unwrap() } else { first };
                assert_eq!(keys.present(), expected, "after {steps}");
            }
            let rotated = rotate(&data, word()).await.unwrap();
            let interrupted = !by_serve && (2..4).contains(&steps);
            assert_eq!(rotated.only_finished, interrupted, "after {steps}");
            let keys = rotated.keys;
            if interrupted {
                let key = (keys.present(), keys.rotations().len());
                assert_eq!(key, (new.unwrap(), 1), "after {steps}: it was only finished");
                assert!(!rotate(&data, word()).await.unwrap().only_finished);
                continue;
            }
            // Whatever was there, one more rotation ends with a key that follows.
            assert_eq!(keys.first(), first, "after {steps}");
            assert!(new.is_none_or(|new| keys.contains(&new)), "after {steps}: a key was lost");
            assert_eq!(start(&data), keys);
        }
    }
}
