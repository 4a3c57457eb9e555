// Package helpers tests the helpers of its folders: each is built, and lets a stack pass a
// script.
package helpers

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"lastack/harness/experiment"
	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/ontun"
	"lastack/harness/experiment/packetdrill/suite"
	"lastack/harness/lab/labtest"
)

// passes runs the script on the subject that a file describes, whose program is in dir.
func passes(t *testing.T, file, dir string) {
	t.Helper()
	s, err := experiment.LoadStranger(file)
	if err != nil {
		t.Fatal(err)
	}
	all, err := suite.Run(t.Context(), []string{"close.pkt"}, suite.Config{
		Tries: 5, Run: packetdrill.Config{Tolerance: 20 * time.Millisecond, AnySYN: true},
		Subject: func(ctx context.Context, a packetdrill.Addresses) (packetdrill.Subject, error) {
			return ontun.New(ctx, ontun.Config{Addresses: a, Name: s.Name, Helper: s.Helper, Dir: dir})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := all[0]; r.Verdict != suite.Pass {
		t.Errorf("line %d: %s\nexpected %s\ngot %s", r.Line, r.Why, r.Expected, r.Got)
	}
}

// inside is labtest.Inside, where there are TUNs.
func inside(t *testing.T) bool {
	t.Helper()
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err == nil {
		f.Close()
	} else if os.Getenv(labtest.RequireEnv) != "1" {
		t.Skipf("needs a TUN: %v (sudo chmod 0666 /dev/net/tun)", err)
	}
	return labtest.Inside(t)
}

func TestGo(t *testing.T) {
	if !inside(t) {
		return
	}
	dir := t.TempDir()
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "gvisor-helper"), "./go")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	passes(t, "go/gvisor.yaml", dir)
}

func TestC(t *testing.T) {
	const header = "/usr/include/lwip/lwip/sockets.h"
	if _, err := os.Stat(header); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("needs lwIP: %s is not there; sudo apt-get install liblwip-dev", header)
	}
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("needs a C compiler; sudo apt-get install gcc: ", err)
	}
	if !inside(t) {
		return
	}
	dir := t.TempDir()
	cmd := exec.Command("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-I/usr/include/lwip", "-o", filepath.Join(dir, "lwip-helper"),
		"c/helper.c", "c/netif.c", "-llwip", "-lpthread")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	passes(t, "c/lwip.yaml", dir)
}
