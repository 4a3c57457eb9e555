package script

// Expr is an argument or a result of a system call: *Ellipsis, *Int, *Word, *String,
// *Or, *Array, *Struct, *Assign or *Call.
type Expr interface {
	// Position is where the expression begins.
	Position() Pos
	expr()
}

type node struct{ Pos Pos }

func (n node) Position() Pos { return n.Pos }
func (node) expr()           {}

// Ellipsis is "...": anything, or what the runner chooses.
type Ellipsis struct{ node }

// Int is a number, decimal or hexadecimal.
type Int struct {
	node
	Value int64
	Hex   bool
}

// Word is the name of a constant, such as SOCK_STREAM.
type Word struct {
	node
	Name string
	// Value is Linux's. Known is false for names that only other systems have.
	Value int64
	Known bool
}

// String is a text in quotes, escape sequences resolved; adjacent ones are one.
type String struct {
	node
	Value string
	// More: "..." follows it, the text is a prefix.
	More bool
}

// Or is "a | b | c".
type Or struct {
	node
	Terms []Expr
}

// Array is "[a, b]".
type Array struct {
	node
	Elements []Expr
}

// Struct is "{name=value, ...}" or "{value, value}", in C the value of a struct such as
// linger, pollfd, epoll_event, msghdr, iovec, sockaddr.
type Struct struct {
	node
	Fields []Field
}

// Field returns the field of a name, nil if there is none.
func (s *Struct) Field(name string) *Field {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return &s.Fields[i]
		}
	}
	return nil
}

// Field is an element of a Struct.
type Field struct {
	Pos Pos
	// Name is empty for an element without a name, as in an iovec {..., 1000}.
	Name string
	// Len is the number in parentheses after the name, as in msg_iov(1)=[...], nil if
	// there is none.
	Len   Expr
	Value Expr
}

// Assign is "name=value" outside a struct.
type Assign struct {
	node
	Name  string
	Value Expr
}

// Call is "name(arguments)": htons(8080), htonl(1), inet_addr("192.0.2.1") and
// inet6_addr("2001:db8::1").
type Call struct {
	node
	Name string
	Args []Expr
}
