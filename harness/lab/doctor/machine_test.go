package doctor

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/lab"

	"golang.org/x/sys/unix"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTunFile(t *testing.T) {
	with := write(t, "misc", " 10 loop-control\n200 tun\n")
	without := write(t, "misc", " 10 loop-control\n237 tunnel\n")
	none := filepath.Join(t.TempDir(), "tun")
	tests := []struct {
		name       string
		path, misc string
		detail     string
		fix        string
	}{
		{"no file, but the driver", none, with, "although the kernel has the driver", "sudo mkdir -p /dev/net && sudo mknod -m 0666 /dev/net/tun c 10 200"},
		{"no file, no driver", none, without, "no TUN driver loaded", "sudo modprobe tun"},
		{"no file, no list", none, none, "no TUN driver loaded", "sudo modprobe tun"},
		{"a plain file", write(t, "tun", ""), with, "is not the TUN device", "sudo rm "},
		{"another device", "/dev/null", with, "is not the TUN device", "sudo rm /dev/null && sudo mkdir"},
		{"a directory", t.TempDir(), with, "does not open", "sudo rm "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := tunFile(tt.path, tt.misc)
			if f.status != Missing || !strings.Contains(f.detail, tt.detail) || !strings.HasPrefix(f.fix, tt.fix) {
				t.Errorf("%+v, want it missing, %q and %q", f, tt.detail, tt.fix)
			}
		})
	}
}

func TestNoTunFile(t *testing.T) {
	tests := []struct {
		err         error
		detail, fix string
	}{
		{unix.EACCES, "keeps this user out", "sudo chmod 0666 /dev/net/tun"},
		{unix.EPERM, "container", "start the container with --device /dev/net/tun"},
		{unix.ENODEV, "no TUN driver", "sudo modprobe tun"},
		{unix.ENXIO, "no TUN driver", "sudo modprobe tun"},
	}
	for _, tt := range tests {
		f := noTunFile(tunPath, miscPath, tt.err)
		if f.status != Missing || !strings.Contains(f.detail, tt.detail) || f.fix != tt.fix {
			t.Errorf("%v: %+v, want it missing, %q and %q", tt.err, f, tt.detail, tt.fix)
		}
	}
}

func TestLabFinding(t *testing.T) {
	f := labFinding(&lab.MissingError{What: "user namespaces are disabled", Mend: "sudo sysctl -w x=1", Err: unix.EPERM})
	if f != fails("user namespaces are disabled", "sudo sysctl -w x=1") {
		t.Errorf("%+v", f)
	}
	if f := labFinding(errors.New("odd")); f.status != Missing || f.detail != "odd" || f.fix == "" {
		t.Errorf("%+v", f)
	}
}

// datagram is a UDP packet without checksums.
func datagram(src, dst netip.Addr, sport, dport uint16, payload string) []byte {
	var p []byte
	if src.Is4() {
		p = make([]byte, 20)
		p[0], p[9] = 0x45, unix.IPPROTO_UDP
		copy(p[12:], src.AsSlice())
		copy(p[16:], dst.AsSlice())
	} else {
		p = make([]byte, 40)
		p[0], p[6] = 0x60, unix.IPPROTO_UDP
		copy(p[8:], src.AsSlice())
		copy(p[24:], dst.AsSlice())
	}
	p = binary.BigEndian.AppendUint16(p, sport)
	p = binary.BigEndian.AppendUint16(p, dport)
	return append(append(p, 0, 0, 0, 0), payload...)
}

func TestTurnRound(t *testing.T) {
	for _, a := range [][2]netip.Addr{{kernel4.Addr(), far4}, {kernel6.Addr(), far6}} {
		p := datagram(a[0], a[1], 4000, 7, message)
		if !turnRound(p, a[0]) || string(p) != string(datagram(a[1], a[0], 7, 4000, message)) {
			t.Errorf("%v: % x", a, p)
		}
		for name, other := range map[string][]byte{
			"from elsewhere":  datagram(a[1], a[0], 4000, 7, message),
			"another message": datagram(a[0], a[1], 4000, 7, "Lastack doctor!"),
			"a longer one":    datagram(a[0], a[1], 4000, 7, "x"+message),
			"no datagram":     []byte(message),
			"nothing":         nil,
			"only a header":   append([]byte{0x6f}, strings.Repeat("x", 20)+message...),
		} {
			before := string(other)
			if turnRound(other, a[0]) || string(other) != before {
				t.Errorf("%v, %s: was taken", a[0], name)
			}
		}
	}
}
