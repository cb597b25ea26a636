// Start an invoice from a Go service, and get what becomes of it.
//
//	go run . ../../sandbox/examples/invoice.json
//
// Where Temporal is, its own variables say (TEMPORAL_ADDRESS and the others, or a profile in its
// configuration file). Ends with 0 when there is an invoice, 1 when there will be none, 2 when a
// person is needed.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
)

// Invoice is what this caller reads of the state; the gateway's OpenAPI document describes all of it.
type Invoice struct {
	Reference, Status, Number string
	Amounts                   struct{ Gross, Currency string }
	Problem                   *Problem
	Ended                     bool
}

// Problem is why it waits for a person, or why there is no invoice.
type Problem struct {
	What    string
	Fields  []struct{ Field string }
	Answers []string
}

// After this it looks whether a person is waited for; a service might take a minute.
const patience = 2 * time.Second

func main() {
	request, err := os.ReadFile(os.Args[1])
	must(err)
	c, err := client.Dial(envconfig.MustLoadDefaultClientOptions())
	must(err)
	run, err := start(context.Background(), c, request)
	must(err)
	invoice, err := outcome(context.Background(), c, run)
	must(err)
	os.Exit(told(invoice))
}

// start asks for this invoice, as often as you like: its reference is the workflow's id. Of one that
// is there already, running or ended, this SDK gives the run.
//
// The Python client and the gateway add two things. They refuse a reference that comes again with
// other content: here you get the first invoice. And they begin anew where an invoice came to nothing
// (refused, or cancelled as a draft): here you get how that one ended.
func start(ctx context.Context, c client.Client, request json.RawMessage) (client.WorkflowRun, error) {
	var named struct{ Reference string }
	if err := json.Unmarshal(request, &named); err != nil {
		return nil, err
	}
	return c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       "invoice/" + named.Reference,
		TaskQueue:                "invoicing",
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,  // one that runs
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, // one that has ended
	}, "InvoiceWorkflow", request)
}

// outcome is the invoice at its end, or once it needs a person.
func outcome(ctx context.Context, c client.Client, run client.WorkflowRun) (invoice Invoice, err error) {
	for !invoice.Ended && invoice.Problem == nil {
		waiting, cancel := context.WithTimeout(ctx, patience)
		failure := run.Get(waiting, &invoice)
		cancel()
		if failure == nil {
			return invoice, nil
		}
		// Not yet, or refused: the state says. Only an input that cannot be read has none.
		answer, err := c.QueryWorkflow(ctx, run.GetID(), "", "state")
		if err != nil {
			return invoice, failure
		}
		if err := answer.Get(&invoice); err != nil {
			return invoice, err
		}
	}
	return invoice, nil
}

// told prints where it is; how to end. A question is answered by a person, in their own time.
func told(invoice Invoice) int {
	problem, amounts := invoice.Problem, invoice.Amounts
	if problem == nil {
		fmt.Printf("%s: %s, number %s, %s %s\n",
			invoice.Reference, invoice.Status, invoice.Number, amounts.Gross, amounts.Currency)
		return 0
	}
	about, code := problem.Answers, 2
	if invoice.Status != "needs_attention" {
		about, code = nil, 1
		for _, each := range problem.Fields {
			// Its message may be the provider's own words: for people, not for logs.
			about = append(about, each.Field)
		}
	}
	fmt.Printf("%s: %s: %s (%s)\n",
		invoice.Reference, invoice.Status, problem.What, strings.Join(about, ", "))
	return code
}

func must(err error) {
	if err != nil {
		log.Println(err)
		os.Exit(70)
	}
}
