// Package packet writes and reads the packets of a packetdrill script byte by byte: TCP
// segments with options in any order and form, and the errors of ICMP. It says nothing of
// what a packet means, for which there is package segment. It is pure.
package packet
