package script

// Kind is a TCP option's kind, as IANA numbers them.
type Kind uint8

// Kinds that the language has a name for.
const (
	EOL      Kind = 0
	NOP      Kind = 1
	MSS      Kind = 2
	WScale   Kind = 3
	SACKOK   Kind = 4
	SACK     Kind = 5
	TS       Kind = 8
	MD5      Kind = 19
	FastOpen Kind = 34
	AccECN0  Kind = 172
	AccECN1  Kind = 174
	Exp      Kind = 254
)

// Experiment identifiers of options of kind Exp (RFC 6994).
const (
	ExIDFastOpen = 0xf989
	ExIDAccECN0  = 0xacc0
	ExIDAccECN1  = 0xacc1
	ExIDTARR     = 0x00ac
)

// TCPOption is one option of a segment. Kind says which of the other fields count.
type TCPOption struct {
	Pos  Pos
	Kind Kind

	// MSS is of kind MSS, Shift of WScale, Blocks of SACK.
	MSS    uint16
	Shift  uint8
	Blocks []SACKBlock

	// TSVal and TSEcr are of kind TS. AnyVal ("val ..."): any value will do.
	// AbsoluteEcr ("ecr 0!"): TSEcr is as on the wire.
	TSVal, TSEcr        Number
	AnyVal, AbsoluteEcr bool

	// Data is the cookie of FastOpen and of Exp with ExIDFastOpen (may be empty), the
	// digest of MD5, and what follows kind and length, or the ExID, of an option that
	// the language has no name for.
	Data []byte
	// Valid ("md5 valid"): the digest of an MD5 option is to be computed and right.
	Valid bool
	// ExID is of kind Exp.
	ExID uint16
	// Counters are of AccECN0 and AccECN1, and of Exp with their ExIDs, in the order
	// in which they are on the wire (RFC 9768, section 3.2.3).
	Counters []uint32
}

// SACKBlock is a block of kind SACK (RFC 2018).
type SACKBlock struct{ Left, Right Number }
