package tracepoint

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Bounds of a format file. The longest of a kernel is a page or two.
const (
	MaxFormat  = 64 << 10
	maxFields  = 64
	maxSymbols = 2048
	maxSymbol  = 64   // characters
	maxRecord  = 8192 // bytes
)

// Field is where a value is in a record.
type Field struct {
	Offset, Size int // bytes
}

// Format is how the kernel lays out the records of one tracepoint, by its file
// events/GROUP/NAME/format. The zero value has no field.
type Format struct {
	// Name is the tracepoint's, and ID stands for it in records.
	Name string
	ID   uint16

	fields  map[string]Field
	symbols map[string]map[uint64]string // by field
}

var (
	fieldLine = regexp.MustCompile(`^\tfield:(.+);\toffset:(\d{1,5});\tsize:(\d{1,5});(?:\tsigned:\d;)?$`)
	fieldName = regexp.MustCompile(`(\w+)(?:\[\w*\])?$`)
	symbolic  = regexp.MustCompile(`__print_symbolic\(REC->(\w+), ((?:\{ [^{}]* \}(?:, )?)+)\)`)
	symbol    = regexp.MustCompile(`\{ (\w+), "(\w+)" \}`)
)

// ParseFormat reads a format file. Unknown lines are passed over, as kernels may add some.
func ParseFormat(text string) (*Format, error) {
	if len(text) > MaxFormat {
		return nil, fmt.Errorf("tracepoint: a format file of %d bytes; the longest that is read has %d", len(text), MaxFormat)
	}
	f := &Format{fields: map[string]Field{}, symbols: map[string]map[uint64]string{}}
	for i, line := range strings.Split(text, "\n") {
		key, value, _ := strings.Cut(line, ": ")
		var err error
		switch {
		case key == "name":
			f.Name = value
		case key == "ID":
			var id uint64
			id, err = strconv.ParseUint(value, 10, 16)
			f.ID = uint16(id)
		case key == "print fmt":
			f.name(value)
		case strings.HasPrefix(line, "\tfield:"):
			err = f.field(line)
		}
		if err != nil {
			return nil, fmt.Errorf("tracepoint: format file of %q, line %d: %w", f.Name, i+1, err)
		}
	}
	if f.Name == "" || f.ID == 0 {
		return nil, fmt.Errorf("tracepoint: a format file without name or ID")
	}
	return f, nil
}

func (f *Format) field(line string) error {
	m := fieldLine.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("field: %.80q is not as the kernel writes it", line)
	}
	name := fieldName.FindStringSubmatch(m[1])
	offset, _ := strconv.Atoi(m[2]) // digits
	size, _ := strconv.Atoi(m[3])
	switch {
	case name == nil:
		return fmt.Errorf("field: no name in %.80q", m[1])
	case offset+size > maxRecord:
		return fmt.Errorf("field %s: ends at byte %d; records have %d at most", name[1], offset+size, maxRecord)
	case len(f.fields) == maxFields:
		return fmt.Errorf("field %s: there are more than %d", name[1], maxFields)
	}
	f.fields[name[1]] = Field{Offset: offset, Size: size}
	return nil
}

// name learns what numbers are called from the text that prints them. Names of constants
// that the kernel did not replace by their numbers tell nothing.
func (f *Format) name(print string) {
	left := maxSymbols
	for _, list := range symbolic.FindAllStringSubmatch(print, -1) {
		names := map[uint64]string{}
		for _, m := range symbol.FindAllStringSubmatch(list[2], left) {
			if n, err := strconv.ParseUint(m[1], 0, 64); err == nil && len(m[2]) <= maxSymbol {
				names[n] = m[2]
			}
		}
		if left -= len(names); left <= 0 {
			return
		}
		f.symbols[list[1]] = names
	}
}

// Has reports whether a record has all the fields.
func (f *Format) Has(names ...string) bool {
	for _, name := range names {
		if _, ok := f.fields[name]; !ok {
			return false
		}
	}
	return true
}

// Symbols are the names of a field's numbers; nil where the kernel prints it as a number.
// Nobody may change them.
func (f *Format) Symbols(field string) map[uint64]string { return f.symbols[field] }

// bytes is a field in a record; nil where there is none.
func (f *Format) bytes(rec []byte, name string) []byte {
	at, ok := f.fields[name]
	if !ok || at.Offset+at.Size > len(rec) {
		return nil
	}
	return rec[at.Offset : at.Offset+at.Size]
}

// number is a whole number in a record; ok tells whether there is one.
func (f *Format) number(rec []byte, name string) (n uint64, ok bool) {
	switch b := f.bytes(rec, name); len(b) {
	case 1:
		return uint64(b[0]), true
	case 2:
		return uint64(binary.NativeEndian.Uint16(b)), true
	case 4:
		return uint64(binary.NativeEndian.Uint32(b)), true
	case 8:
		return binary.NativeEndian.Uint64(b), true
	}
	return 0, false
}
