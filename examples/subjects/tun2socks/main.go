// Command tun2socks-subject serves an app on tun2socks' stack, which takes every connection,
// whatever address it is for.
package main

import (
	"net"

	"lastack/examples/subjects/serve"

	"github.com/xjasonlyu/tun2socks/v2/core"
	"github.com/xjasonlyu/tun2socks/v2/core/adapter"
	"github.com/xjasonlyu/tun2socks/v2/core/device/tun"
)

func main() { serve.Main(listen) }

func listen(c serve.Command) (net.Listener, error) {
	dev, err := tun.Open(c.Device, 0)
	if err != nil {
		return nil, err
	}
	l := serve.NewListener()
	_, err = core.CreateStack(&core.Config{LinkEndpoint: dev, TransportHandler: handler{l}})
	return l, err
}

// handler serves TCP, and leaves UDP alone.
type handler struct{ l *serve.Listener }

func (h handler) HandleTCP(c adapter.TCPConn) { h.l.Hand(c) }
func (handler) HandleUDP(c adapter.UDPConn)   { _ = c.Close() }
