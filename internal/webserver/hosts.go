package webserver

import (
	"net"
	"net/http"
	"os"
	"strings"
)

// Hosts are names and addresses by which a server may be called, beside those of the loopback interface.
type Hosts map[string]bool

// NewHosts returns the names for a server at an address: further ones that the caller gives, and the address. A server
// at all addresses of a machine may be called by each of them, and by the name of the machine.
func NewHosts(address net.Addr, further []string) Hosts {
	allowed := Hosts{}
	for _, name := range further {
		allowed[hostName(name)] = true
	}
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return allowed
	}
	allowed[tcp.IP.String()] = true
	if !tcp.IP.IsUnspecified() {
		return allowed
	}
	if name, err := os.Hostname(); err == nil {
		short, _, _ := strings.Cut(name, ".")
		for _, name := range []string{name, short, short + ".local"} {
			allowed[hostName(name)] = true
		}
	}
	addresses, _ := net.InterfaceAddrs() // those that cannot be listed can be allowed by name
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok {
			allowed[network.IP.String()] = true
		}
	}
	return allowed
}

// hostName returns the name or address in a Host header, in the form in which Hosts has it.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if ip := net.ParseIP(host); ip != nil {
		return ip.String()
	}
	return host
}

// mayCall reports whether a request has a Host header that the server answers to. A page elsewhere whose name was made
// to resolve to this machine has another.
func (h Hosts) mayCall(r *http.Request) bool {
	name := hostName(r.Host)
	if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() || name == "localhost" {
		return true
	}
	return name != "" && h[name]
}
