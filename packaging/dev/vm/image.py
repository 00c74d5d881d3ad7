"""Makes a guest: a Debian of one release with its own kernel, in build/vm/NAME (disk.raw, vmlinuz, initrd).

Debian 13's disk has a second one, the newest that Debian builds for that release (its backports), in NAME/newest: there
disk.raw is the same disk.

The disk serves QEMU (guest.py) and systemd-nspawn (container.py). What SmoothTask's packages depend on is on it, so
that apt can install them without a network.

Root only, run by vm/images.py. The packages come from the mirrors in the machine's own apt settings. Fails with the
words of mmdebstrap (build/log/vm-NAME.log), or in a sentence where apt names no Debian mirror.

    image.py SUITE FOLDER PUBLIC-KEY-FILE
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import initrd
from debian_archive import KEYRING, mirrors

SYSTEM = ("systemd-sysv", "udev", "kmod", "dbus", "polkitd", "libpam-systemd", "dbus-user-session", "linux-image-amd64")
REACHED_BY = ("openssh-server", "systemd-container")
NEEDED_BY_SMOOTHTASK = ("libbpf1", "python3-cachetools", "python3-dbus-fast", "python3-numpy", "python3-platformdirs",
                        "python3-psutil", "python3-tomlkit")  # fmt: skip
NEEDED_BY_THE_APP = ("hicolor-icon-theme", "python3-bidict", "python3-packaging", "python3-pyside6.qtcore",
                     "python3-pyside6.qtgui", "python3-pyside6.qtwidgets", "python3-typing-extensions",
                     "qt6-svg-plugins")  # fmt: skip
DESKTOP = ("dunst", "fonts-dejavu-core", "xvfb")
OF_SUITE = {"trixie": (*NEEDED_BY_THE_APP, *DESKTOP)}  # older releases have no PySide6
TRUTH = ("iproute2", "procps")
NEWEST_KERNEL_FROM = {"trixie": "trixie-backports"}
LEFT_OUT = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*", "*/kernel/drivers/gpu/*", "*/kernel/sound/*",
            "*/kernel/drivers/media/*", "*/kernel/drivers/net/wireless/*", "*/kernel/drivers/net/ethernet/*",
            "*/kernel/drivers/infiniband/*", "*/kernel/drivers/scsi/*", "*/kernel/drivers/staging/*",
            "*/kernel/drivers/iio/*", "*/kernel/drivers/usb/*")  # fmt: skip
KEPT = ("*/kernel/drivers/gpu/drm/drm*.ko*", "*/kernel/drivers/gpu/drm/scheduler/*", "*/kernel/drivers/gpu/drm/vgem/*")
"""Of what is left out: a graphics card without hardware, and the scheduler of cards."""
USERS = ("alice", "bob")
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
          "dpkg-db-backup.timer", "systemd-networkd-wait-online.service")  # fmt: skip
READY = "VM-READY"

FILES = {
    "etc/hostname": "guest\n",
    "etc/hosts": "127.0.0.1 localhost guest\n",
    "etc/fstab": "/dev/vda / ext4 rw,noatime 0 0\n",
    # a fixed address on QEMU's user network: no DHCP to wait for
    "etc/systemd/network/10-wire.network": "[Match]\nName=en*\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n"
    "LinkLocalAddressing=no\nIPv6AcceptRA=no\n",
    # alice sits at the machine: tty1 belongs to seat0
    "etc/systemd/system/getty@tty1.service.d/autologin.conf": "[Service]\nExecStart=\nType=simple\n"
    'ExecStart=-/sbin/agetty -o "-p -f -- \\\\u" --noclear --autologin alice %I $TERM\n',
    "etc/ssh/sshd_config.d/guest.conf": "UseDNS no\nPermitRootLogin prohibit-password\nMaxSessions 50\n",
    "etc/systemd/system/vm-ready.service": "[Unit]\nAfter=ssh.service getty@tty1.service systemd-logind.service\n"
    f"[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo {READY} >/dev/ttyS0'\n"
    "[Install]\nWantedBy=multi-user.target\n",
}


def unpack(suite: str, root: Path) -> None:
    """Install the packages into `root`, without making the initrd that Debian would boot with."""
    archive, security = mirrors()
    sources = [f"deb {archive} {suite} main", f"deb {archive} {suite}-updates main"]
    sources.append(f"deb {security} {suite}-security main")
    hooks = []
    if backports := NEWEST_KERNEL_FROM.get(suite):
        sources.append(f"deb {archive} {backports} main")
        second_kernel = f"apt-get -qy -t {backports} install linux-image-amd64"
        hooks.append(f'--customize-hook=chroot "$1" {second_kernel}')
    no_initrd = (
        'chroot "$1" dpkg-divert --quiet --local --rename --add /usr/sbin/update-initramfs'
        ' && ln -s /bin/true "$1/usr/sbin/update-initramfs"'
    )
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--keyring={KEYRING}"]
    included = (*SYSTEM, *REACHED_BY, *NEEDED_BY_SMOOTHTASK, *OF_SUITE.get(suite, ()), *TRUTH)
    command += [f"--include={','.join(included)}"]
    command += ['--aptopt=APT::Install-Recommends "false"', f"--essential-hook={no_initrd}"]
    command += [f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT]
    command += [f"--dpkgopt=path-include={path}" for path in KEPT]
    subprocess.run([*command, *hooks, suite, str(root), *sources], check=True)


def furnish(root: Path, public_key: str) -> None:
    """Users, network, the way in, and a word on the serial console when all of it is there."""
    (root / "etc/dpkg/dpkg.cfg.d/99mmdebstrap").unlink()  # what comes later is unpacked whole
    for user in USERS:
        subprocess.run(["chroot", root, "useradd", "-m", "-s", "/bin/bash", user], check=True)
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    keys = root / "root/.ssh/authorized_keys"
    keys.parent.mkdir(mode=0o700, exist_ok=True)
    keys.write_text(public_key)
    subprocess.run(["chroot", root, "systemctl", "-q", "enable", "systemd-networkd", "vm-ready"], check=True)
    subprocess.run(["chroot", root, "systemctl", "-q", "mask", *MASKED], check=True)


def in_order(kernel: str) -> list[int]:
    """What puts names such as 6.12.95+deb13-amd64 in order."""
    return [int(number) for number in re.findall(r"[0-9]+", kernel.partition("-")[0])]


def add_kernel(root: Path, kernel: str, folder: Path) -> None:
    """Put a kernel that is installed in `root` into `folder`, with its initrd and its name."""
    shutil.copyfile(root / f"boot/vmlinuz-{kernel}", folder / "vmlinuz")
    initrd.make(root, kernel, folder / "initrd")
    (folder / "kernel").write_text(f"{kernel}\n")


def main(suite: str, folder: Path, public_key_file: Path) -> None:
    root = folder / "root"
    unpack(suite, root)
    furnish(root, public_key_file.read_text())
    kernel, *newer = sorted((path.name for path in (root / "lib/modules").iterdir()), key=in_order)
    add_kernel(root, kernel, folder)
    if suite in NEWEST_KERNEL_FROM:
        (folder / "newest").mkdir()
        (folder / "newest/disk.raw").symlink_to("../disk.raw")
        add_kernel(root, newer[-1] if newer else kernel, folder / "newest")
    with (folder / "disk.raw").open("wb") as disk:
        disk.truncate(4 << 30)
    make = ["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-E", "lazy_itable_init=1,nodiscard"]
    subprocess.run([*make, "-d", root, folder / "disk.raw"], check=True)
    shutil.rmtree(root)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
