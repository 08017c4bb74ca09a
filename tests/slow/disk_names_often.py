# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: guest-initrd
# Limit: 3000
"""Ten starts of a guest with four disks; tests/e2e/disk_names.py makes two."""
from e2e.disk_names import main

if __name__ == "__main__":
    main(10)
