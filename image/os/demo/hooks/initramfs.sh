#!/bin/sh
# Again, now that the overlay's hook is there.
update-initramfs -u
