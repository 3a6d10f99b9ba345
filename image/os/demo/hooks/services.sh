#!/bin/sh
# Runs inside the new system. Offline `systemctl` only makes and removes links.
systemctl enable systemd-networkd.service systemd-resolved.service ssh.service
systemctl enable rehome-first-boot.service

# Nothing here may wait for a network that is not plugged in.
systemctl disable systemd-networkd-wait-online.service

# apt refreshes its lists daily only for unattended upgrades, which this image does not have;
# e2scrub works on LVM volumes, of which there are none.
systemctl disable apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service

# Without a desktop nothing is to be reached after the text console.
systemctl set-default multi-user.target
