package capture

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// recordN records n packets of 500 bytes of interface 0, numbered, and returns the first error.
func recordN(r *Recorder, from, n int) error {
	for i := range n {
		p := Packet{Time: time.Unix(int64(from+i), 5).UTC(), Data: udp4(uint16(from+i), make([]byte, 472)), Direction: Incoming}
		if err := r.Write(&p); err != nil {
			return err
		}
	}
	return nil
}

// contents are the seconds of the times of the packets in a file, first and last, and how
// many there are.
func contents(t *testing.T, path string) [3]int {
	t.Helper()
	f, err := Open(path, OpenConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := ReadAll(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if len(all) == 0 {
		return [3]int{}
	}
	return [3]int{int(all[0].Time.Unix()), int(all[len(all)-1].Time.Unix()), len(all)}
}

// files are the names in a folder.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

func newRecorder(t *testing.T, c RecordConfig) *Recorder {
	t.Helper()
	r, err := NewRecorder(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRecorder: files follow one another without a gap, none is too long or short, and
// names that are taken are passed over.
func TestRecorder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.2.pcapng"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRecorder(t, RecordConfig{Path: filepath.Join(dir, "x.pcapng"), Size: MinRecordSize, Interfaces: func() []string { return []string{"eth0"} }})
	const n = 500
	if err := recordN(r, 1, n); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(Stats{Delivered: n, Dropped: 7}, time.Unix(n, 0)); err != nil {
		t.Fatal(err)
	}
	if err := recordN(r, 1, 1); err != nil {
		t.Errorf("after Close: %v", err)
	}
	if got := files(t, dir); !slices.Equal(got, []string{"x.1.pcapng", "x.2.pcapng", "x.3.pcapng", "x.4.pcapng", "x.5.pcapng", "x.pcapng"}) {
		t.Fatalf("files %v", got)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "x.2.pcapng")); err != nil || string(b) != "precious" {
		t.Errorf("the file that was there: %q, %v", b, err)
	}
	next := 1
	for _, name := range []string{"x.pcapng", "x.1.pcapng", "x.3.pcapng", "x.4.pcapng", "x.5.pcapng"} {
		path := filepath.Join(dir, name)
		c := contents(t, path)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		full := name != "x.5.pcapng"
		if c[0] != next || c[2] != c[1]-c[0]+1 || info.Size() > MinRecordSize || full && info.Size() < MinRecordSize-1200 {
			t.Errorf("%s: %d bytes with packets %v, want from %d", name, info.Size(), c, next)
		}
		next = c[1] + 1
	}
	if next != n+1 {
		t.Errorf("the last packet is %d, want %d", next-1, n)
	}
	checkWithCapinfos(t, filepath.Join(dir, "x.5.pcapng"))
}

// checkWithCapinfos: a program of others reads the file, its interface and its drops.
func checkWithCapinfos(t *testing.T, path string) {
	t.Helper()
	out, err := exec.Command("capinfos", path).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Log("without capinfos")
		return
	}
	if err != nil || !bytes.Contains(out, []byte("Name = eth0")) {
		t.Errorf("capinfos: %v: %s", err, out)
	}
}

// TestRecorderRing: only the last files stay, and what has taken the name of one since is
// left alone.
func TestRecorderRing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.pcapng")
	r := newRecorder(t, RecordConfig{Path: path, Size: MinRecordSize, Files: 2})
	if err := recordN(r, 1, 200); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte("another"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := recordN(r, 201, 2000); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(Stats{}, time.Unix(9999, 0)); err != nil {
		t.Fatal(err)
	}
	got := files(t, dir)
	if len(got) != 3 || got[2] != "x.pcapng" {
		t.Fatalf("files %v, want two and the one of another", got)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "another" {
		t.Errorf("the file of another: %q, %v", b, err)
	}
	a, b := contents(t, filepath.Join(dir, got[0])), contents(t, filepath.Join(dir, got[1]))
	if a[0] > b[0] {
		a, b = b, a
	}
	if a[1]+1 != b[0] || b[1] != 2200 {
		t.Errorf("the last files have packets %v and %v", a, b)
	}
}

// TestRecorderErrors: nothing is overwritten, and bad numbers are refused.
func TestRecorderErrors(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	if err := os.WriteFile(taken, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]RecordConfig{
		"no file is overwritten":  {Path: taken},
		"no such file":            {Path: filepath.Join(dir, "no", "where")},
		"give at least 65536":     {Path: filepath.Join(dir, "x"), Size: MinRecordSize - 1},
		"-1 files":                {Path: filepath.Join(dir, "x"), Files: -1},
		"file exists":             {Path: dir},
		"no space left on device": {Path: "/dev/full"},
	} {
		if _, err := NewRecorder(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c.Path, err, want)
		}
	}
	if b, err := os.ReadFile(taken); err != nil || string(b) != "precious" {
		t.Errorf("the file that was there: %q, %v", b, err)
	}
}

// TestRecorderFull: where no more can be written the file ends with a whole packet, the
// error comes once, and nothing comes after it.
func TestRecorderFull(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(unix.SIGXFSZ)
	defer signal.Reset(unix.SIGXFSZ)
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
	}()
	path := filepath.Join(t.TempDir(), "x.pcapng")
	r := newRecorder(t, RecordConfig{Path: path})
	if err := recordN(r, 1, 1000); err != nil {
		t.Fatal(err)
	}
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	limit := before
	limit.Cur = 700_000
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	err := recordN(r, 1001, 1000)
	if !errors.Is(err, unix.EFBIG) || !strings.Contains(err.Error(), path) {
		t.Fatalf("%v, want that %s is too large", err, path)
	}
	if err := errors.Join(recordN(r, 5000, 10), r.Flush(), r.Close(Stats{}, time.Now())); err != nil {
		t.Errorf("after the error: %v", err)
	}
	if got := contents(t, path); got != [3]int{1, 1000, 1000} {
		t.Errorf("the file has packets %v, want 1 to 1000", got)
	}
}

// TestRecorderInterfaces: an interface that comes later is named in the file, and from the
// beginning of the next.
func TestRecorderInterfaces(t *testing.T) {
	dir := t.TempDir()
	names := []string{"lo"}
	r := newRecorder(t, RecordConfig{Path: filepath.Join(dir, "x"), Size: MinRecordSize, Interfaces: func() []string { return names }})
	record := func(iface int) {
		if err := r.Write(&Packet{Time: time.Unix(1, 0), Data: udp4(1, make([]byte, 40_000)), Interface: iface}); err != nil {
			t.Fatal(err)
		}
	}
	record(0)
	names = append(names, "a", "b")
	r.c.Size *= 2
	record(2)
	r.c.Size /= 2
	record(1)
	if err := r.Close(Stats{}, time.Unix(2, 0)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"x": 2, "x.1": 1} {
		f, err := Open(filepath.Join(dir, name), OpenConfig{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := ReadAll(f)
		var got []string
		for _, i := range f.Interfaces() {
			got = append(got, i.Name)
		}
		if err != nil || all[len(all)-1].Interface != want || !slices.Equal(got, []string{"lo", "a", "b"}) {
			t.Errorf("%s: %d packets, interfaces %v, %v", name, len(all), got, err)
		}
		f.Close()
		if out, err := exec.Command("tcpdump", "-Z", "root", "-nr", filepath.Join(dir, name)).CombinedOutput(); err != nil && !errors.Is(err, exec.ErrNotFound) {
			t.Errorf("tcpdump reads %s: %v: %s", name, err, out)
		}
	}
}

// TestRecorderPipe: what is no file is written to as it is.
func TestRecorderPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan [3]int)
	go func() { read <- contents(t, path) }()
	r := newRecorder(t, RecordConfig{Path: path, Size: MinRecordSize})
	if err := errors.Join(recordN(r, 1, 500), r.Close(Stats{}, time.Now())); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != [3]int{1, 500, 500} {
		t.Errorf("packets %v", got)
	}
}
