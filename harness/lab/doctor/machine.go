package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"lastack/harness/lab"

	"golang.org/x/sys/unix"
)

const (
	tunPath = "/dev/net/tun"
	// miscPath lists the kernel's miscellaneous devices, by minor number and
	// name, whether or not a file stands for them.
	miscPath = "/proc/misc"
	makeTun  = "sudo mkdir -p /dev/net && sudo mknod -m 0666 " + tunPath + " c 10 200"
	loadTun  = "sudo modprobe tun"
)

// kernel names the kernel. Whether it can do what is needed, the other checks tell.
func kernel(context.Context) finding {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return fails("uname: "+err.Error(), "run lastack on Linux")
	}
	return works("%s %s on %s", unix.ByteSliceToString(u.Sysname[:]),
		unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:]))
}

// tunFile opens the file whose descriptors become TUN devices, and asks the driver
// behind it what it is.
func tunFile(path, misc string) finding {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return noTunFile(path, misc, err)
	}
	defer unix.Close(fd)
	if _, err := unix.IoctlGetUint32(fd, unix.TUNGETFEATURES); err != nil {
		return fails(path+" opens, but is not the TUN device: "+err.Error(),
			"sudo rm "+path+" && "+makeTun)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err == nil && st.Mode&0o006 != 0o006 {
		return works("opens for this user; its mode %04o keeps others out", st.Mode&0o777)
	}
	return works("opens for every user")
}

// noTunFile tells why the file does not open.
func noTunFile(path, misc string, err error) finding {
	switch {
	case errors.Is(err, fs.ErrNotExist) && tunDriver(misc):
		return fails("there is no "+path+", although the kernel has the driver", makeTun)
	case errors.Is(err, fs.ErrNotExist):
		return fails("there is no "+path+", and the kernel has no TUN driver loaded", loadTun)
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return fails("there is "+path+", but the kernel has no TUN driver loaded", loadTun)
	case errors.Is(err, unix.EACCES):
		return fails("the mode of "+path+" keeps this user out", "sudo chmod 0666 "+path)
	case errors.Is(err, unix.EPERM):
		return fails("a container or sandbox denies "+path, "start the container with --device "+path)
	}
	return fails(fmt.Sprintf("%s does not open: %v", path, err), "sudo rm "+path+" && "+makeTun)
}

// tunDriver reports whether the list of devices has TUN's.
func tunDriver(misc string) bool {
	list, err := os.ReadFile(misc)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(list)) {
		if f := strings.Fields(line); len(f) == 2 && f[1] == "tun" {
			return true
		}
	}
	return false
}

// namespaces makes some, as a lab does.
func namespaces(context.Context) finding {
	if err := lab.Check(); err != nil {
		return labFinding(err)
	}
	if lab.Privileged() {
		return works("network and PID namespaces, with this process's privileges")
	}
	return works("network and PID namespaces, inside a user namespace")
}

// labFinding is what package lab says about something missing.
func labFinding(err error) finding {
	var missing *lab.MissingError
	if !errors.As(err, &missing) {
		return fails(err.Error(), reportIt)
	}
	return fails(missing.What, missing.Mend)
}
