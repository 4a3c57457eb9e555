package web

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// NewToken draws a token of 128 random bits.
func NewToken() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// guard lets those requests through that know the token, name this server, and, where they
// change something, come from its own page.
type guard struct {
	token, host string
	next        http.Handler
}

const (
	forbiddenHost   = "this name is not the page's: open the address that lastack printed"
	forbiddenOrigin = "the request comes from another page than this host's"
	forbiddenToken  = "the token is missing or another run's: open the address that lastack printed last"
)

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	headers(w.Header())
	switch {
	case !g.named(r.Host):
		http.Error(w, forbiddenHost, http.StatusForbidden)
	case !sameOrigin(r):
		http.Error(w, forbiddenOrigin, http.StatusForbidden)
	case r.URL.Path == "/" && g.is(r.URL.Query().Get("token")):
		http.SetCookie(w, &http.Cookie{
			Name: cookieName(r.Host), Value: g.token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		})
		// Away from the address, the history and the projector.
		http.Redirect(w, r, "/", http.StatusSeeOther)
	case !g.known(r):
		http.Error(w, forbiddenToken, http.StatusForbidden)
	default:
		g.next.ServeHTTP(w, r)
	}
}

// headers keep the page to itself: no script, style or connection of others', no frame
// around it, and nothing kept once it is over.
func headers(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "+
		"connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// named reports whether a request's Host is this server. A page whose own name was rebound
// to this address sends that name; nobody can rebind an address, or localhost.
func (g *guard) named(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return strings.EqualFold(name, "localhost") || g.host != "" && strings.EqualFold(name, g.host)
}

// sameOrigin reports whether a request may change something: browsers say from where it
// comes; a program that is no browser says nothing, and has to know the token.
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" && !reads(r) {
		return false
	}
	origin := r.Header.Get("Origin")
	return origin == "" || origin == "http://"+r.Host
}

func reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// known reports whether a request has the token, as a cookie or as a program sends it.
func (g *guard) known(r *http.Request) bool {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return g.is(bearer)
	}
	c, err := r.Cookie(cookieName(r.Host))
	return err == nil && g.is(c.Value)
}

func (g *guard) is(token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(g.token)) == 1
}

// cookieName is another for each port, which cookies do not tell apart.
func cookieName(host string) string {
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		port = "80"
	}
	return "lastack-" + port
}
