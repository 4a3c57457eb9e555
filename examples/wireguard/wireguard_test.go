// Package wireguard tests the close path in wireguard-go's tun/netstack, which keeps its stack
// to itself. Who wants another link endpoint there changes the one line that makes the NIC; this
// test does so with a copy, and runs the tests of package netstack beside it over that.
package wireguard

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	before = "dev.stack.CreateNIC(1, dev.ep)"
	after  = "dev.stack.CreateNIC(1, Wrap(dev.stack, dev.ep))"
	// hook is what the test puts the close path in by.
	hook = "\n// Wrap wraps the link endpoint of a stack's NIC 1.\nvar Wrap func(*stack.Stack, stack.LinkEndpoint) stack.LinkEndpoint\n"
)

func TestNetstack(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.zx2c4.com/wireguard").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	src, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "tun/netstack/tun.go"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(src), before); n != 1 {
		t.Fatalf("wireguard-go's tun.go has %q %d times, want once", before, n)
	}
	tmp := t.TempDir()
	copied := filepath.Join(tmp, "tun.go")
	if err := os.WriteFile(copied, []byte(strings.Replace(string(src), before, after, 1)+hook), 0o644); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(here, "netstack", "tun.go"): copied,
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(tmp, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "test", "-count=1", "-tags", "adopted", "-overlay", file, "./netstack").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
