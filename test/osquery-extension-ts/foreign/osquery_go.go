// Written with osquery-go, for osquery-go.test.ts, in place of what is ours:
//
//	osquery_go client SOCKET METHOD JSON_ARGUMENTS   a client; says the answer as JSON
//	osquery_go core SOCKET                           core's side; says each call in a line
//	osquery_go --socket SOCKET ...                   an extension with the table go_rows
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"sort"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	osquery "github.com/osquery/osquery-go"
	gen "github.com/osquery/osquery-go/gen/osquery"
	"github.com/osquery/osquery-go/plugin/table"
	"github.com/osquery/osquery-go/transport"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func say(what ...any) {
	fmt.Println(string(must(json.Marshal(what))))
}

func argument[T any](arguments []json.RawMessage, index int) T {
	var value T
	if err := json.Unmarshal(arguments[index], &value); err != nil {
		log.Fatal(err)
	}
	return value
}

func runClient(socket, method, text string) {
	var arguments []json.RawMessage
	if err := json.Unmarshal([]byte(text), &arguments); err != nil {
		log.Fatal(err)
	}
	client := must(osquery.NewClient(socket, 10*time.Second))
	defer client.Close()
	var answer any
	switch method {
	case "ping":
		answer = must(client.Ping())
	case "call":
		request := argument[map[string]string](arguments, 2)
		answer = must(client.Call(argument[string](arguments, 0), argument[string](arguments, 1), request))
	case "registerExtension":
		info := argument[gen.InternalExtensionInfo](arguments, 0)
		answer = must(client.RegisterExtension(&info, argument[gen.ExtensionRegistry](arguments, 1)))
	case "deregisterExtension":
		answer = must(client.DeregisterExtension(gen.ExtensionRouteUUID(argument[int64](arguments, 0))))
	case "extensions":
		answer = must(client.Extensions())
	case "options":
		answer = must(client.Options())
	case "query":
		answer = must(client.Query(argument[string](arguments, 0)))
	case "queryRow":
		answer = must(client.QueryRow(argument[string](arguments, 0)))
	case "getQueryColumns":
		answer = must(client.GetQueryColumns(argument[string](arguments, 0)))
	default:
		log.Fatalf("no method %s", method)
	}
	say(answer)
}

// More than a float64 holds.
const uuid = 1<<53 + 1

type core struct {
	registered map[gen.ExtensionRouteUUID]*gen.InternalExtensionInfo
}

func ok() *gen.ExtensionStatus { return &gen.ExtensionStatus{Code: 0, Message: "OK"} }

func (c *core) Ping(context.Context) (*gen.ExtensionStatus, error) { return ok(), nil }

func (c *core) Call(context.Context, string, string, gen.ExtensionPluginRequest) (*gen.ExtensionResponse, error) {
	return &gen.ExtensionResponse{Status: &gen.ExtensionStatus{Code: 1, Message: "no such key"}}, nil
}

func (c *core) Shutdown(context.Context) error { return nil }

func (c *core) Extensions(context.Context) (gen.InternalExtensionList, error) {
	return c.registered, nil
}

func (c *core) Options(context.Context) (gen.InternalOptionList, error) {
	return gen.InternalOptionList{"verbose": {Value: "true", DefaultValue: "false", Type: "bool"}}, nil
}

func (c *core) RegisterExtension(_ context.Context, info *gen.InternalExtensionInfo, routes gen.ExtensionRegistry) (*gen.ExtensionStatus, error) {
	say("registerExtension", info.Name, routes)
	c.registered[uuid] = info
	return &gen.ExtensionStatus{Code: 0, Message: "OK", UUID: uuid}, nil
}

func (c *core) DeregisterExtension(_ context.Context, id gen.ExtensionRouteUUID) (*gen.ExtensionStatus, error) {
	say("deregisterExtension", id)
	delete(c.registered, id)
	return ok(), nil
}

func (c *core) Query(_ context.Context, sql string) (*gen.ExtensionResponse, error) {
	return &gen.ExtensionResponse{Status: ok(), Response: gen.ExtensionPluginResponse{{"sql": sql}, {"žluť": "€"}}}, nil
}

func (c *core) GetQueryColumns(context.Context, string) (*gen.ExtensionResponse, error) {
	return &gen.ExtensionResponse{Status: ok(), Response: gen.ExtensionPluginResponse{{"b": "TEXT"}, {"a": "BIGINT"}}}, nil
}

func runCore(socket string) {
	handler := &core{registered: map[gen.ExtensionRouteUUID]*gen.InternalExtensionInfo{}}
	listener := must(transport.OpenServer(socket, 10*time.Second))
	if err := listener.Listen(); err != nil {
		log.Fatal(err)
	}
	say("ready")
	log.Fatal(thrift.NewTSimpleServer2(gen.NewExtensionManagerProcessor(handler), listener).Serve())
}

// One row, and one for each of the constraints of the query.
func generate(_ context.Context, query table.QueryContext) ([]map[string]string, error) {
	names := make([]string, 0, len(query.Constraints))
	for name := range query.Constraints {
		names = append(names, name)
	}
	sort.Strings(names)
	rows := []map[string]string{{"asked": "žluť €", "number": "9223372036854775807"}}
	for _, name := range names {
		for _, constraint := range query.Constraints[name].Constraints {
			text := fmt.Sprintf("%s %d %s", name, constraint.Operator, constraint.Expression)
			rows = append(rows, map[string]string{"asked": text, "number": constraint.Expression})
		}
	}
	return rows, nil
}

func runExtension() {
	socket := flag.String("socket", "", "core's socket")
	timeout := flag.Int("timeout", 3, "seconds to wait for it")
	interval := flag.Int("interval", 3, "seconds between pings")
	flag.Parse()
	server := must(osquery.NewExtensionManagerServer("go", *socket,
		osquery.ServerTimeout(time.Duration(*timeout)*time.Second),
		osquery.ServerPingInterval(time.Duration(*interval)*time.Second)))
	columns := []table.ColumnDefinition{table.TextColumn("asked"), table.BigIntColumn("number")}
	server.RegisterPlugin(table.NewPlugin("go_rows", columns, generate))
	if err := server.Run(); err != nil {
		log.Fatal(err)
	}
}

func main() {
	switch {
	case len(os.Args) == 5 && os.Args[1] == "client":
		runClient(os.Args[2], os.Args[3], os.Args[4])
	case len(os.Args) == 3 && os.Args[1] == "core":
		runCore(os.Args[2])
	default:
		runExtension()
	}
}
