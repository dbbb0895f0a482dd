// Package openapi holds Viaduct's HTTP contract and the Go code generated from it.
//
// openapi.yaml is written by hand and is the truth: server.gen.go follows from it, and `make check`
// refuses a generated file that is not current.
package openapi

import _ "embed"

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config config.yaml openapi.yaml

// Contract is openapi.yaml, as it is served.
//
//go:embed openapi.yaml
var Contract []byte
