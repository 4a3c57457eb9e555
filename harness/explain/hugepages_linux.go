package explain

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of a large page on most machines.
const hugePage = 2 << 20

// hugePages asks the system for large pages under what a Table has for connections, and
// under what lies between that and the next boundary of such pages. Tens of thousands of
// connections are looked at in no order: with small pages each look would cost a walk
// through the tables of pages, and the first use of each a fault. A system that refuses
// changes nothing.
func hugePages(memory unsafe.Pointer, size uintptr) {
	if size < hugePage/4 {
		return // few connections
	}
	begin := uintptr(memory) &^ (hugePage - 1)
	end := (uintptr(memory) + size + hugePage - 1) &^ (hugePage - 1)
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, begin, end-begin, unix.MADV_HUGEPAGE)
}
