package link

import (
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// This file describes the endpoint to netstack: a TUN has no link layer.

// MTU implements stack.LinkEndpoint.
func (e *Endpoint) MTU() uint32 { return e.mtu.Load() }

// SetMTU implements stack.LinkEndpoint. It changes what netstack sends, not the
// device.
func (e *Endpoint) SetMTU(mtu uint32) { e.mtu.Store(mtu) }

// Capabilities implements stack.LinkEndpoint: none without offload, so that
// netstack computes and verifies checksums as a host on a wire does.
func (e *Endpoint) Capabilities() netstack.LinkEndpointCapabilities {
	if e.offload != nil {
		return netstack.CapabilityRXChecksumOffload
	}
	return netstack.CapabilityNone
}

// MaxHeaderLength implements stack.LinkEndpoint: a TUN has no link header.
func (*Endpoint) MaxHeaderLength() uint16 { return 0 }

// LinkAddress implements stack.LinkEndpoint: a TUN has none.
func (*Endpoint) LinkAddress() tcpip.LinkAddress { return "" }

// SetLinkAddress implements stack.LinkEndpoint and does nothing.
func (*Endpoint) SetLinkAddress(tcpip.LinkAddress) {}

// ARPHardwareType implements stack.LinkEndpoint.
func (*Endpoint) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareNone }

// AddHeader implements stack.LinkEndpoint and does nothing.
func (*Endpoint) AddHeader(*netstack.PacketBuffer) {}

// ParseHeader implements stack.LinkEndpoint: there is nothing to parse.
func (*Endpoint) ParseHeader(*netstack.PacketBuffer) bool { return true }

// SetOnCloseAction implements stack.LinkEndpoint: f runs once, before the
// device is closed.
func (e *Endpoint) SetOnCloseAction(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onClose = f
}
