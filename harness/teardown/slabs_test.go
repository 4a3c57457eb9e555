package teardown

import "unsafe"

// Slabs are the sizes, in bytes, of the pieces of memory that the Table has made for
// connections.
func (t *Table) Slabs() (sizes []uintptr) {
	for i := range t.made.Load() {
		sizes = append(sizes, uintptr(slabSize<<min(i, slabDoubles))*unsafe.Sizeof(entry{}))
	}
	return sizes
}
