package capture

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// RecordConfig says where a Recorder keeps packets.
type RecordConfig struct {
	// Path is the first file. The next ones have a number before its extension: x.pcapng,
	// x.1.pcapng, x.2.pcapng.
	Path string
	// Size is how long a file may become in bytes before the next one is begun; a file has
	// at least one packet. 0 means 100 MiB, and MinRecordSize is the least.
	Size int64
	// Files is how many files are kept: the oldest is removed before another is begun. 0
	// means all.
	Files int
	// Interfaces names the interfaces that Packet.Interface counts, as many as are known by
	// the time of a packet; nil means one without a name.
	Interfaces func() []string
}

const (
	// MinRecordSize is the least RecordConfig.Size, in bytes.
	MinRecordSize = 64 << 10

	defaultRecordSize = 100 << 20
	flushEvery        = 1 << 20 // bytes, so that no more is lost where a write fails
	maxTaken          = 10_000  // numbers that other files have, which are passed over
)

// Recorder writes packets to pcapng files, one after another, each complete by itself. It
// never writes to a file that was there before, and removes none but its own: names that
// are taken are passed over. A file that is not regular (a named pipe, a device) is
// written to as it is, and never followed by another.
//
// When a write fails, as on a full disk, the file is cut behind the last packet that was
// written out, so that it can be read, and nothing more is recorded. A Recorder is for one
// goroutine.
type Recorder struct {
	c      RecordConfig
	opened []ownFile // oldest first
	number int       // of the latest file

	file    *os.File
	regular bool
	w       *Writer
	named   int   // interfaces that the file knows
	size    int64 // of the file, what is buffered included
	good    int64 // of it, what is written out
	dirty   int64
	packets int // in the file
	err     error
}

// ownFile is a file that the Recorder has made, as it was when it was complete.
type ownFile struct {
	path string
	info os.FileInfo
}

// NewRecorder begins the first file. A file that is there already is an error that wraps
// os.ErrExist.
func NewRecorder(c RecordConfig) (*Recorder, error) {
	if c.Size == 0 {
		c.Size = defaultRecordSize
	}
	switch {
	case c.Size < MinRecordSize:
		return nil, fmt.Errorf("capture: record to %s: files of %d bytes: give at least %d", c.Path, c.Size, MinRecordSize)
	case c.Files < 0:
		return nil, fmt.Errorf("capture: record to %s: %d files: give a number from 1, or 0 for all", c.Path, c.Files)
	case c.Interfaces == nil:
		c.Interfaces = func() []string { return []string{""} }
	}
	r := &Recorder{c: c}
	err := r.begin(c.Path)
	if errors.Is(err, os.ErrExist) {
		err = fmt.Errorf("%w; no file is overwritten: remove it, or name another", err)
	}
	if err != nil {
		return nil, fmt.Errorf("capture: record to %s: %w", c.Path, err)
	}
	return r, nil
}

// Write records one packet and keeps no reference to it. The first error is why nothing
// more is recorded; later calls do nothing.
func (r *Recorder) Write(p *Packet) error {
	if r.err != nil {
		return nil
	}
	room := recordRoom(p)
	if r.regular && r.packets > 0 && r.size+room > r.c.Size {
		if err := r.rotate(); err != nil {
			return r.fail(err)
		}
	}
	if err := r.name(p.Interface); err != nil {
		return r.fail(err)
	}
	r.size += room
	r.dirty += room
	if err := r.w.Write(*p); err != nil {
		return r.fail(err)
	}
	r.packets++
	if r.dirty < flushEvery {
		return nil
	}
	return r.Flush()
}

// recordRoom is the most that a packet takes in the file: a block, its options, and the
// data to a multiple of four.
func recordRoom(p *Packet) int64 {
	room := 32 + 12 + (len(p.Data)+3)&^3
	if p.Comment != "" {
		room += 4 + (len(p.Comment)+3)&^3
	}
	return int64(room)
}

// name makes sure that the file knows an interface.
func (r *Recorder) name(iface int) error {
	if iface < r.named {
		return nil
	}
	all := r.c.Interfaces()
	for ; r.named <= iface; r.named++ {
		name := ""
		if r.named < len(all) {
			name = all[r.named]
		}
		if err := r.w.AddInterface(name); err != nil {
			return err
		}
		r.size += interfaceRoom(name)
	}
	return nil
}

func interfaceRoom(name string) int64 { return int64(48 + (len(name)+3)&^3) }

// Flush writes out what is buffered. An error is as Write's.
func (r *Recorder) Flush() error {
	if r.err != nil {
		return nil
	}
	if err := r.w.Flush(); err != nil {
		return r.fail(err)
	}
	r.dirty = 0
	if r.regular {
		at, err := r.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return r.fail(err)
		}
		r.good = at
	}
	return nil
}

// Close writes out what is buffered, with the counters of the capture where it is of one
// interface, and closes the file. The error is as Write's.
func (r *Recorder) Close(s Stats, at time.Time) error {
	if r.err != nil {
		return nil
	}
	if r.named == 1 {
		if err := r.w.WriteDrops(0, at, s.Delivered, s.Dropped); err != nil {
			return r.fail(err)
		}
	}
	if err := r.end(); err != nil {
		return r.fail(err)
	}
	r.err = os.ErrClosed
	return nil
}

// end completes a file. It stays open where what is buffered cannot be written, for fail.
func (r *Recorder) end() error {
	if err := r.w.Close(); err != nil {
		return err
	}
	r.regular = false // nothing is to be cut off any more
	info, err := r.file.Stat()
	if n := len(r.opened); err == nil && n > 0 {
		r.opened[n-1].info = info
	}
	return errors.Join(err, r.file.Close())
}

// rotate ends the file, makes room, and begins the next.
func (r *Recorder) rotate() error {
	if err := r.end(); err != nil {
		return err
	}
	switch {
	case r.c.Files == 0: // there is no need to know them
		r.opened = r.opened[:0]
	case len(r.opened) == r.c.Files:
		if err := r.opened[0].remove(); err != nil {
			return err
		}
		r.opened = r.opened[1:]
	}
	ext := filepath.Ext(r.c.Path)
	stem := strings.TrimSuffix(r.c.Path, ext)
	for range maxTaken {
		r.number++
		err := r.begin(stem + "." + strconv.Itoa(r.number) + ext)
		if !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return fmt.Errorf("%s.1%s to %s.%d%s are there already", stem, ext, stem, r.number, ext)
}

// remove removes the file, unless its name has become that of another, or somebody has
// written to it.
func (f *ownFile) remove() error {
	now, err := os.Lstat(f.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !os.SameFile(now, f.info) || now.Size() != f.info.Size() || !now.ModTime().Equal(f.info.ModTime()):
		return nil // a file system may use the number of a removed file again
	}
	return os.Remove(f.path)
}

// begin makes a file and writes its header.
func (r *Recorder) begin(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if errors.Is(err, os.ErrExist) {
		if info, statErr := os.Stat(path); statErr == nil && !info.Mode().IsRegular() && !info.IsDir() {
			f, err = os.OpenFile(path, os.O_WRONLY, 0)
		}
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	names := r.c.Interfaces()
	r.file, r.regular = f, info.Mode().IsRegular()
	r.opened = append(r.opened, ownFile{path, info})
	r.size, r.good, r.dirty, r.packets, r.named = 256, 0, 0, 0, max(len(names), 1)
	for _, name := range names {
		r.size += interfaceRoom(name)
	}
	if r.w, err = NewWriter(f, WriterConfig{Interfaces: names, More: true}); err == nil {
		err = r.Flush()
	}
	if err != nil {
		return r.fail(err)
	}
	return nil
}

// fail ends recording: what can be read of the file stays.
func (r *Recorder) fail(err error) error {
	if r.err != nil {
		return err // it has been done
	}
	r.err = err
	if r.regular {
		if r.good > 0 {
			_ = r.file.Truncate(r.good) // at best
		} else {
			_ = os.Remove(r.file.Name()) // it was made just now
		}
	}
	_ = r.file.Close() // what is lost is said by err
	return err
}
