//! Words for how a drive is erased, how that is proven, and what may be claimed.

use protocol::event::{CanaryEvidence, OldContentEvidence};
use protocol::plan::{Claim, ClaimReason, Media, Technique};
use protocol::policy::{Proof, Verification};

use super::super::lang::Lang;

impl Lang {
    pub(in super::super) fn technique(self, technique: Technique) -> &'static str {
        self.of(match technique {
            Technique::OverwriteZeros => {
                ("Zeros over every addressable sector", "Zera na każdy adresowalny sektor")
            }
            Technique::OverwritePattern => (
                "A random pattern over every addressable sector",
                "Losowy wzór na każdy adresowalny sektor",
            ),
            Technique::AtaSanitizeBlockErase => (
                "The drive erases all its cells (ATA SANITIZE, block erase)",
                "Dysk kasuje wszystkie swoje komórki (ATA SANITIZE, block erase)",
            ),
            Technique::AtaSanitizeCryptoScramble => (
                "The drive throws away its key (ATA SANITIZE, crypto scramble)",
                "Dysk wyrzuca swój klucz szyfrujący (ATA SANITIZE, crypto scramble)",
            ),
            Technique::AtaSanitizeOverwrite => (
                "The drive overwrites itself, hidden sectors included (ATA SANITIZE, overwrite)",
                "Dysk sam się nadpisuje, także w ukrytych sektorach (ATA SANITIZE, overwrite)",
            ),
            Technique::AtaSecurityEraseEnhanced => (
                "The drive erases itself under a password (ATA SECURITY ERASE, enhanced)",
                "Dysk sam się kasuje, zabezpieczony hasłem (ATA SECURITY ERASE, enhanced)",
            ),
            Technique::AtaSecurityErase => (
                "The drive erases itself under a password (ATA SECURITY ERASE)",
                "Dysk sam się kasuje, zabezpieczony hasłem (ATA SECURITY ERASE)",
            ),
            Technique::NvmeSanitizeBlockErase => (
                "The drive erases all its cells (NVMe Sanitize, block erase)",
                "Dysk kasuje wszystkie swoje komórki (NVMe Sanitize, block erase)",
            ),
            Technique::NvmeSanitizeCryptoErase => (
                "The drive throws away its key (NVMe Sanitize, crypto erase)",
                "Dysk wyrzuca swój klucz szyfrujący (NVMe Sanitize, crypto erase)",
            ),
            Technique::NvmeSanitizeOverwrite => (
                "The drive overwrites itself (NVMe Sanitize, overwrite)",
                "Dysk sam się nadpisuje (NVMe Sanitize, overwrite)",
            ),
            Technique::NvmeFormatUserData => (
                "The drive erases all user data (NVMe Format, user data erase)",
                "Dysk kasuje wszystkie dane użytkownika (NVMe Format, user data erase)",
            ),
            Technique::NvmeFormatCrypto => (
                "The drive throws away its key (NVMe Format, cryptographic erase)",
                "Dysk wyrzuca swój klucz szyfrujący (NVMe Format, cryptographic erase)",
            ),
        })
    }

    pub(in super::super) fn claim(self, claim: Claim) -> &'static str {
        self.of(match claim {
            Claim::Clear => (
                "Clear (NIST SP 800-88): safe from recovery by software",
                "Clear (NIST SP 800-88): nie do odzyskania programami",
            ),
            Claim::Purge => (
                "Purge (NIST SP 800-88): safe from recovery in a laboratory",
                "Purge (NIST SP 800-88): nie do odzyskania w laboratorium",
            ),
        })
    }

    pub(in super::super) fn claim_reason(self, reason: ClaimReason) -> &'static str {
        self.of(match reason {
            ClaimReason::FlashOverprovisioning => (
                "Spare and retired flash cells are out of reach of overwriting",
                "Nadpisywanie nie sięga zapasowych i wycofanych komórek flash",
            ),
            ClaimReason::RemappedSectors => (
                "Sectors that the disk has remapped or hidden are out of reach of overwriting",
                "Nadpisywanie nie sięga sektorów przeniesionych lub ukrytych przez dysk",
            ),
            ClaimReason::SecurityEraseOnFlash => (
                "On flash, NIST does not take SECURITY ERASE for more",
                "W pamięci flash NIST nie uznaje SECURITY ERASE za nic więcej",
            ),
            ClaimReason::NormalSecurityErase => (
                "Only the enhanced SECURITY ERASE reaches hidden sectors of a disk",
                "Ukrytych sektorów dysku sięga tylko rozszerzone (enhanced) SECURITY ERASE",
            ),
            ClaimReason::EncryptionUnknown => (
                "The key is gone, but nobody knows whether all data was ever encrypted with it",
                "Klucza już nie ma, ale nie wiadomo, czy wszystkie dane były nim szyfrowane",
            ),
            ClaimReason::NoEraseCommand => (
                "The drive has no erase command of its own that the policy allows and that can be relied on",
                "Dysk nie ma własnego polecenia kasowania, na które pozwala polityka i na którym można polegać",
            ),
            ClaimReason::SecurityFrozen => (
                "The laptop's firmware has frozen the drive's erase commands until it is switched off",
                "Firmware laptopa zamroził polecenia kasowania dysku do wyłączenia zasilania",
            ),
            ClaimReason::SanitizeFrozen => (
                "The drive's sanitize commands are frozen until it is switched off",
                "Polecenia SANITIZE dysku są zamrożone do wyłączenia zasilania",
            ),
        })
    }

    pub(in super::super) fn media(self, media: Media) -> &'static str {
        self.of(match media {
            Media::Flash => ("flash", "pamięć flash"),
            Media::Magnetic => ("magnetic disk", "dysk magnetyczny"),
        })
    }

    pub(in super::super) fn verification(self, method: Verification) -> &'static str {
        self.of(match method {
            Verification::Full => ("every sector is read", "odczyt każdego sektora"),
            Verification::Sampled => {
                ("a sample of a tenth is read", "odczyt próbki, jednej dziesiątej dysku")
            }
        })
    }

    /// How it will be proven.
    pub(in super::super) fn proof(self, proof: &Proof, by_drive: bool) -> String {
        let mut said = vec![self.verification(proof.verification).to_owned()];
        if by_drive {
            let n = self.count(u64::from(proof.canaries));
            said.insert(
                0,
                match self {
                    Self::En => format!("{n} canaries are placed before and looked for afterwards"),
                    Self::Pl => {
                        format!("znaczniki rozmieszczone przed kasowaniem i szukane potem: {n}")
                    }
                },
            );
        }
        if proof.power_cycle {
            let again =
                ("a second look after a power cycle", "drugie spojrzenie po odłączeniu zasilania");
            said.push(self.of(again).to_owned());
        }
        said.join("; ")
    }

    /// What became of the canaries.
    pub(in super::super) fn canaries(self, canaries: &CanaryEvidence) -> String {
        let (placed, found) = (self.count(canaries.placed), self.count(canaries.found));
        match (self, canaries.found) {
            (Self::En, 0) => format!("{placed} canaries placed, none found"),
            (Self::En, _) => format!("{placed} canaries placed, {found} found"),
            (Self::Pl, 0) => format!("rozmieszczono znaczniki: {placed}, nie znaleziono żadnego"),
            (Self::Pl, _) => format!("rozmieszczono znaczniki: {placed}, znaleziono: {found}"),
        }
    }

    /// What became of the content from before.
    pub(in super::super) fn old_content(self, old: &OldContentEvidence) -> String {
        let [sampled, changed, uniform, same] =
            [old.sampled, old.changed, old.same_uniform, old.same].map(|n| self.count(n));
        match self {
            Self::En => format!(
                "of {sampled} sectors sampled before, {changed} have changed, {uniform} were \
                 uniform already, {same} are as they were"
            ),
            Self::Pl => format!(
                "sektory z próbki sprzed kasowania: {sampled}; zmienione: {changed}, już wcześniej \
                 jednolite: {uniform}, takie jak dawniej: {same}"
            ),
        }
    }

    /// A number, its digits in groups of three.
    pub(in super::super) fn count(self, n: u64) -> String {
        let digits = n.to_string();
        // Poles write four digits without a gap.
        if self == Self::Pl && digits.len() <= 4 {
            return digits;
        }
        let separator = match self {
            Self::En => ",",
            Self::Pl => "\u{a0}",
        };
        let head = digits.len() % 3;
        let (head, rest) = digits.split_at(head);
        let groups =
            rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
        let head = (!head.is_empty()).then(|| head.to_owned());
        head.into_iter().chain(groups).collect::<Vec<_>>().join(separator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_as_people_write_them() {
        for (n, english, polish) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (4096, "4,096", "4096"),
            (10_000, "10,000", "10\u{a0}000"),
            (1_000_000, "1,000,000", "1\u{a0}000\u{a0}000"),
        ] {
            assert_eq!((Lang::En.count(n), Lang::Pl.count(n)), (english.into(), polish.into()));
        }
    }
}
