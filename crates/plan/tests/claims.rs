//! What may be claimed for each technique on each medium, all of it.

use protocol::plan::{Claim, ClaimReason, Media, Technique};
use rehome_plan::{Worth, claim, worth};

/// `P` Purge, `C` Clear, `0` nothing by itself, `-` no such technique there.
/// Columns: disk; disk that always encrypts; flash; flash that always encrypts.
const TABLE: [(Technique, &str); 12] = [
    (Technique::OverwriteZeros, "CCCC"),
    (Technique::OverwritePattern, "CCCC"),
    (Technique::AtaSanitizeBlockErase, "--PP"),
    (Technique::AtaSanitizeCryptoScramble, "0P0P"),
    (Technique::AtaSanitizeOverwrite, "PP--"),
    (Technique::AtaSecurityEraseEnhanced, "PPCC"),
    (Technique::AtaSecurityErase, "CCCC"),
    (Technique::NvmeSanitizeBlockErase, "--PP"),
    (Technique::NvmeSanitizeCryptoErase, "--00"),
    (Technique::NvmeSanitizeOverwrite, "--PP"),
    (Technique::NvmeFormatUserData, "--PP"),
    (Technique::NvmeFormatCrypto, "--00"),
];

#[test]
fn every_technique_on_every_medium() {
    for (technique, expected) in TABLE {
        let found: String = [
            (Media::Magnetic, false),
            (Media::Magnetic, true),
            (Media::Flash, false),
            (Media::Flash, true),
        ]
        .map(|(media, encrypts_all)| {
            let alone = claim(media, &[technique], encrypts_all);
            match worth(media, technique, encrypts_all) {
                Worth::Unknown => {
                    assert_eq!(alone, None);
                    '-'
                }
                Worth::Nothing(_) => {
                    assert_eq!(alone, None);
                    '0'
                }
                Worth::Clear(reason) => {
                    assert_eq!(alone, Some((Claim::Clear, vec![reason])));
                    'C'
                }
                Worth::Purge => {
                    assert_eq!(alone, Some((Claim::Purge, vec![])));
                    'P'
                }
            }
        })
        .iter()
        .collect();
        assert_eq!(found, expected, "{technique:?}");
    }
    assert_eq!(TABLE.map(|(technique, _)| technique), Technique::ALL);
}

#[test]
fn the_reason_names_what_is_missing() {
    use ClaimReason as Why;
    use Technique as T;
    for (media, technique, expected) in [
        (Media::Magnetic, T::OverwriteZeros, Worth::Clear(Why::RemappedSectors)),
        (Media::Flash, T::OverwritePattern, Worth::Clear(Why::FlashOverprovisioning)),
        (Media::Magnetic, T::AtaSecurityErase, Worth::Clear(Why::NormalSecurityErase)),
        (Media::Flash, T::AtaSecurityErase, Worth::Clear(Why::SecurityEraseOnFlash)),
        (Media::Flash, T::AtaSecurityEraseEnhanced, Worth::Clear(Why::SecurityEraseOnFlash)),
        (Media::Flash, T::AtaSanitizeCryptoScramble, Worth::Nothing(Why::EncryptionUnknown)),
        (Media::Flash, T::NvmeFormatCrypto, Worth::Nothing(Why::EncryptionUnknown)),
        (Media::Flash, T::NvmeSanitizeCryptoErase, Worth::Nothing(Why::EncryptionUnknown)),
    ] {
        assert_eq!(worth(media, technique, false), expected);
    }
}

#[test]
fn a_chain_is_worth_its_best_link() {
    use Technique as T;
    let check = |media, techniques: &[Technique], expected| {
        assert_eq!(claim(media, techniques, false), expected, "{techniques:?}");
    };
    let zeros = T::OverwriteZeros;
    check(Media::Flash, &[T::AtaSanitizeBlockErase, zeros], Some((Claim::Purge, vec![])));
    check(
        Media::Flash,
        &[T::NvmeFormatCrypto, zeros],
        Some((
            Claim::Clear,
            vec![ClaimReason::FlashOverprovisioning, ClaimReason::EncryptionUnknown],
        )),
    );
    check(
        Media::Magnetic,
        &[T::OverwritePattern, zeros],
        Some((Claim::Clear, vec![ClaimReason::RemappedSectors])),
    );
    check(Media::Flash, &[T::NvmeFormatCrypto], None);
    check(Media::Magnetic, &[T::AtaSanitizeBlockErase, zeros], None);
    check(Media::Magnetic, &[], None);
}
