// Command probe is what the tests of the cluster run inside a pod: it looks at
// the cluster from there and says what it saw on standard output.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

const usage = "usage: probe sleep | resolve NAME | get URL CA_FILE | serve ADDRESS | eat"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "sleep":
		fmt.Println("sleeping")
		time.Sleep(time.Hour)
		return nil
	case len(args) == 2 && args[0] == "resolve":
		return resolve(args[1])
	case len(args) == 3 && args[0] == "get":
		return get(args[1], args[2])
	case len(args) == 2 && args[0] == "serve":
		return http.ListenAndServe(args[1], http.HandlerFunc(hello))
	case len(args) == 1 && args[0] == "eat":
		eat()
	}
	return errors.New(usage)
}

// resolve prints the addresses of a host name, as the pod's resolver sees it.
func resolve(name string) error {
	addresses, err := net.LookupHost(name)
	if err != nil {
		return err
	}
	for _, address := range addresses {
		fmt.Println(address)
	}
	return nil
}

// get prints the HTTP status of a URL; the server must prove itself to the CA. It
// tries for a while, because a Service follows its pods a moment later.
func get(url, caFile string) error {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate", caFile)
	}
	client := http.Client{
		Timeout:   3 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		response, err := client.Get(url)
		if err == nil {
			response.Body.Close()
			fmt.Println(response.StatusCode)
			return nil
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func hello(response http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(response, "hello")
}

// eat allocates and touches memory until the kernel's limit ends the process.
func eat() {
	var held [][]byte
	for {
		chunk := make([]byte, 1<<20)
		for i := 0; i < len(chunk); i += os.Getpagesize() {
			chunk[i] = 1
		}
		held = append(held, chunk)
		_ = held
	}
}
