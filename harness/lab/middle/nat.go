package middle

import (
	"context"
	"fmt"
	"strings"

	"lastack/harness/lab"
	"lastack/harness/lab/wire"
)

// Translate puts nftables into the middle: connections to where a proxy would listen go to
// the server, with the middle's address as their source.
func Translate(ctx context.Context, path *wire.Path) error {
	rules := fmt.Sprintf(`table ip lastack {
	chain to { type nat hook prerouting priority dstnat; ip daddr %s tcp dport %d dnat to %s; }
	chain from { type nat hook postrouting priority srcnat; ip daddr %s masquerade; }
}
`, ListenAt.Addr(), ListenAt.Port(), ServerAt, ServerAt.Addr())
	if err := path.Middle.Set("net.ipv4.ip_forward", "1"); err != nil {
		return err
	}
	return path.Middle.Do(func() error {
		nft := lab.Command(ctx, "nft", "-f", "-")
		nft.Stdin = strings.NewReader(rules)
		if said, err := nft.CombinedOutput(); err != nil {
			return fmt.Errorf("setting up NAT with nft: %w: %s", err, strings.TrimSpace(string(said)))
		}
		return nil
	})
}
