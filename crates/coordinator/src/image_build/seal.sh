#!/bin/sh
# Runs inside the new system with `sh -eu`, after the recipe's hooks: makes BIOS boot code, sets
# what the packages only take from debconf, and removes what must not be the same on two machines.
: "${REHOME_TIMEZONE:?}" "${REHOME_LOCALES:?}" "${REHOME_CORE_MODULES:?}" "${SOURCE_DATE_EPOCH:?}"

mkdir -p /boot/grub/i386-pc
cp /usr/lib/grub/i386-pc/*.mod /usr/lib/grub/i386-pc/*.lst /usr/lib/grub/i386-pc/boot.img \
  /boot/grub/i386-pc/
# shellcheck disable=SC2086  # a list of module names
grub-mkimage --format=i386-pc --output=/boot/grub/i386-pc/core.img --prefix=/boot/grub \
  --config=/boot/grub/early.cfg $REHOME_CORE_MODULES
rm /boot/grub/early.cfg

for locale in $REHOME_LOCALES; do
  charmap=$(LC_ALL=$locale locale charmap)
  test "$charmap" = UTF-8 || {
    echo "locale $locale was not generated" >&2
    exit 1
  }
done
test -f "/usr/share/zoneinfo/$REHOME_TIMEZONE" || {
  echo "there is no time zone $REHOME_TIMEZONE" >&2
  exit 1
}
ln -sfn "/usr/share/zoneinfo/$REHOME_TIMEZONE" /etc/localtime
for link in /vmlinuz /initrd.img; do
  test -f "$link" || {
    echo "$link does not lead to a file: GRUB would have nothing to load" >&2
    exit 1
  }
done

# Secrets and identities: the agent writes new ones for each machine. An empty machine-id means
# "make one at boot"; the word "uninitialized" would start systemd's first-boot questions.
rm -f /etc/ssh/ssh_host_*
rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret /var/lib/dbus/machine-id
ln -s /etc/machine-id /var/lib/dbus/machine-id
: >/etc/machine-id
passwd --quiet --lock root

# The build's own settings and traces. /etc/apt/sources.list named the workshop's mirror, and
# 99mmdebstrap its proxy.
rm -f /etc/apt/sources.list /etc/apt/apt.conf.d/99mmdebstrap
rm -f /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old /var/lib/dpkg/*-old
find /var/log -type f -delete

# Console font and keymap compiled now, and newer than their settings, or every laptop would compile
# them at its first boot while the login prompt already shows.
if command -v setupcon >/dev/null; then
  setupcon --save-only
  touch -d "@$((SOURCE_DATE_EPOCH - 1))" /etc/default/keyboard /etc/default/console-setup
  test -f /etc/console-setup/cached_setup_font.sh
fi

# dpkg has just built every cache that systemd would otherwise rebuild at the first boot.
touch /etc/.updated /var/.updated
