//! Words for closed sets: states, stages, reasons.

use protocol::drive::Bus;
use protocol::inventory::Firmware;
use protocol::plan::RefusalCode;
use protocol::{JobKind, Stage};

use super::super::lang::Lang;
use super::super::tile::Mood;
use crate::bench::MachineState;

type Pair = (&'static str, &'static str);

impl Lang {
    /// The one of two texts that is in this language.
    pub(in super::super) const fn of(self, (english, polish): Pair) -> &'static str {
        match self {
            Self::En => english,
            Self::Pl => polish,
        }
    }

    /// A state in one or two words, to be read from three meters away.
    pub(in super::super) fn state(self, state: &MachineState) -> &'static str {
        self.of(match state {
            MachineState::Seen => ("stock taken", "spisany"),
            MachineState::Waiting => ("pick me", "czeka na wybór"),
            MachineState::Admitted => ("admitted", "dopuszczony"),
            MachineState::Planned => ("about to start", "zaraz zacznie"),
            MachineState::Sanitizing => ("erasing", "kasowanie"),
            MachineState::Looking => ("looking", "sprawdzanie"),
            MachineState::Verified => ("erased", "skasowany"),
            MachineState::Held => ("look at it", "obejrzyj go"),
            MachineState::AwaitsVerdict => ("does it work?", "czy model działa?"),
            MachineState::Imaged => ("system written", "system zapisany"),
            MachineState::Personalized => ("set up", "ustawiony"),
            MachineState::Bootable => ("reporting", "raport"),
            MachineState::Finished => ("done", "gotowy"),
            MachineState::FoundBlank => ("found blank", "pusty"),
            MachineState::FoundData => ("not blank", "niepusty"),
            MachineState::Inventoried => ("inventoried", "zinwentaryzowany"),
            MachineState::Booted => ("done, it boots", "gotowy, działa"),
            MachineState::Attention { .. } => ("needs you", "wymaga uwagi"),
        })
    }

    /// What a stage does, as long as it lasts.
    pub(in super::super) fn stage(self, stage: Stage) -> &'static str {
        self.of(match stage {
            Stage::Netboot => ("booting", "uruchamianie"),
            Stage::Init => ("starting", "start"),
            Stage::Inventory => ("taking stock", "spisywanie"),
            Stage::Plan => ("planning", "planowanie"),
            Stage::Sanitize => ("erasing", "kasowanie"),
            Stage::Verify => ("checking", "kontrola"),
            Stage::Image => ("installing", "instalacja"),
            Stage::Personalize => ("setting up", "ustawienia"),
            Stage::Report => ("reporting", "raport"),
            Stage::Boot => ("first boot", "pierwszy start"),
        })
    }

    /// A group of the summary, without its number.
    pub(in super::super) fn mood(self, mood: Mood) -> &'static str {
        self.of(match mood {
            Mood::NeedsPerson => ("need you", "wymaga uwagi"),
            Mood::Silent => ("silent at work", "milczy w trakcie"),
            Mood::Working => ("at work", "w pracy"),
            Mood::Done => ("done, may be unplugged", "gotowe, można odłączyć"),
            Mood::Waiting => ("wait to be picked", "czeka na wybór"),
            Mood::Seen => ("only taken stock of", "tylko spisane"),
        })
    }

    pub(in super::super) fn silent(self) -> &'static str {
        self.of(("silent", "milczy"))
    }

    pub(in super::super) fn job(self, job: &JobKind) -> &'static str {
        let words = self.words();
        match job {
            JobKind::Wipe {} => words.wipe,
            JobKind::Refurbish { .. } => words.refurbish,
            JobKind::ImageOnly { .. } => words.image_only,
            JobKind::VerifyOnly {} => words.verify_only,
            JobKind::InventoryOnly {} => words.inventory_only,
        }
    }

    pub(in super::super) fn bus(self, bus: Bus) -> &'static str {
        match bus {
            Bus::Ata => "SATA",
            Bus::Nvme => "NVMe",
            Bus::Scsi => "SCSI",
            Bus::Usb => "USB",
            Bus::Mmc => "eMMC / SD",
            Bus::Virtio => "virtio",
            Bus::Network => self.of(("network or memory", "sieć lub pamięć")),
            Bus::Other => self.of(("something else", "coś innego")),
        }
    }

    pub(in super::super) fn firmware(self, firmware: Firmware) -> &'static str {
        match firmware {
            Firmware::Uefi => "UEFI",
            Firmware::Bios => "BIOS",
        }
    }

    /// Why something is not done.
    pub(in super::super) fn refusal(self, code: RefusalCode) -> &'static str {
        self.of(match code {
            RefusalCode::BootMedium => {
                ("The appliance was started from it", "Z niego uruchomiono program")
            }
            RefusalCode::Removable => ("Removable or on USB", "Wymienny lub na USB"),
            RefusalCode::Network => {
                ("It lives on a network or in memory", "Jest w sieci lub w pamięci")
            }
            RefusalCode::ReadOnly => ("It refuses writes", "Nie przyjmuje zapisu"),
            RefusalCode::InUse => ("It is in use", "Jest w użyciu"),
            RefusalCode::NoIdentity => ("It does not say who it is", "Nie podaje, czym jest"),
            RefusalCode::SameIdentity => {
                ("Two drives say the same of themselves", "Dwa dyski podają o sobie to samo")
            }
            RefusalCode::OtherNamespaces => (
                "It has further namespaces that would stay behind",
                "Ma dalsze przestrzenie nazw, które by pozostały",
            ),
            RefusalCode::UnknownBus => (
                "There is no technique for this kind of drive",
                "Nie ma metody dla tego rodzaju dysku",
            ),
            RefusalCode::UnexplainedController => {
                ("A storage controller may hide drives", "Kontroler może ukrywać dyski")
            }
            RefusalCode::NoDrive => ("No drive to work on", "Nie ma dysku do pracy"),
            RefusalCode::NoImageTarget => (
                "It is not clear which drive gets the system, or none is large enough",
                "Nie wiadomo, na który dysk ma trafić system, albo żaden nie jest dość duży",
            ),
            RefusalCode::OnBattery => ("Mains is off", "Brak zasilania z sieci"),
            RefusalCode::IdentityConflict => (
                "The machine is not the one that is known",
                "To nie jest ten komputer, który jest znany",
            ),
            RefusalCode::DrivesChanged => (
                "A drive came or went after the plan was made",
                "Po ułożeniu planu przybył lub zniknął dysk",
            ),
            RefusalCode::PolicyUnreachable => (
                "The policy demands more than this drive can give",
                "Polityka wymaga więcej, niż ten dysk potrafi",
            ),
            RefusalCode::LockedByStranger => (
                "It is locked with a password that is not known here as ours",
                "Jest zablokowany hasłem, którego nie znamy jako naszego",
            ),
            RefusalCode::FrozenWhileLocked => (
                "It has a password, and the firmware has frozen it",
                "Ma hasło, a firmware zablokował polecenia, którymi można je zdjąć",
            ),
            RefusalCode::NotProven => {
                ("Nothing proves that it is erased", "Nic nie dowodzi, że jest skasowany")
            }
            RefusalCode::WritesNothing => {
                ("This kind of work writes nothing", "Ten rodzaj pracy niczego nie zapisuje")
            }
            RefusalCode::PasswordCountExpired => (
                "Too many wrong passwords since it was switched on",
                "Zbyt wiele błędnych haseł od włączenia",
            ),
        })
    }

    /// What a technician does about it.
    pub(in super::super) fn remedy(self, code: RefusalCode) -> &'static str {
        self.of(match code {
            RefusalCode::OnBattery => {
                ("Plug in the charger.", "Podłącz zasilacz.")
            }
            RefusalCode::UnexplainedController => (
                "In the firmware setup set the storage controller to AHCI (no RAID, no VMD), then \
                 start the machine again.",
                "W ustawieniach firmware przestaw kontroler dysków na AHCI (bez RAID i VMD), potem \
                 uruchom komputer ponownie.",
            ),
            RefusalCode::PolicyUnreachable => (
                "Arm a batch with a policy that this drive can meet, if that is enough for its data; or take the \
                 drive out and destroy it.",
                "Uzbrój partię z polityką, którą ten dysk spełni, jeśli to wystarczy dla jego danych; albo wyjmij dysk \
                 i zniszcz go.",
            ),
            RefusalCode::LockedByStranger => (
                "If an earlier coordinator of this site locked it, restore its recovery secret and say so by `rehome \
                 recovery adopt`; `rehome recovery password` prints the password. Else ask the former owner for the \
                 password and take it off in the firmware setup; or take the drive out and destroy it.",
                "Jeśli zablokował go wcześniejszy koordynator tej instalacji, przywróć jego sekret i potwierdź to \
                 poleceniem `rehome recovery adopt`; hasło poda `rehome recovery password`. Jeśli nie, zapytaj \
                 poprzedniego właściciela o hasło i usuń je w ustawieniach firmware; albo wyjmij dysk i zniszcz go.",
            ),
            RefusalCode::FrozenWhileLocked | RefusalCode::PasswordCountExpired => (
                "Switch the machine off, wait ten seconds, and start it from the network again. If that does not help, \
                 put the drive into another laptop.",
                "Wyłącz komputer, odczekaj dziesięć sekund i uruchom go ponownie z sieci. Jeśli to nie pomoże, przełóż \
                 dysk do innego laptopa.",
            ),
            RefusalCode::ReadOnly
            | RefusalCode::NoIdentity
            | RefusalCode::SameIdentity
            | RefusalCode::OtherNamespaces
            | RefusalCode::UnknownBus => (
                "Take the drive out and destroy it or erase it another way.",
                "Wyjmij dysk i zniszcz go albo skasuj innym sposobem.",
            ),
            RefusalCode::BootMedium | RefusalCode::Removable | RefusalCode::InUse => (
                "Unplug what does not belong to the laptop, then start it again.",
                "Odłącz to, co nie należy do laptopa, potem uruchom go ponownie.",
            ),
            RefusalCode::NoDrive | RefusalCode::Network => (
                "Look whether there is a drive in it and whether it is plugged in firmly.",
                "Sprawdź, czy w środku jest dysk i czy jest dobrze podłączony.",
            ),
            RefusalCode::NoImageTarget => (
                "Take out the drives that are not to get the system, or arm a batch that only \
                 erases.",
                "Wyjmij dyski, które nie mają dostać systemu, albo uzbrój partię tylko do kasowania.",
            ),
            RefusalCode::NotProven => (
                "Disarm, and pick it for a batch that erases first and then installs.",
                "Rozbrój partię i wybierz ten komputer do partii, która najpierw kasuje, a potem instaluje.",
            ),
            RefusalCode::WritesNothing => (
                "Arm another batch if its drives are to be erased.",
                "Jeśli dyski mają zostać skasowane, uzbrój inną partię.",
            ),
            RefusalCode::IdentityConflict | RefusalCode::DrivesChanged => (
                "Compare number, serial numbers and drives with the laptop in front of you, \
                 restart it, then pick it again.",
                "Porównaj numer, numery seryjne i dyski z laptopem przed Tobą, uruchom go ponownie \
                 i wybierz jeszcze raz.",
            ),
        })
    }
}
