// Start an invoice from a TypeScript service, and get what becomes of it.
//
//   npm start -- ../../sandbox/examples/invoice.json
//
// Where Temporal is, its own variables say (TEMPORAL_ADDRESS and the others, or a profile in its
// configuration file). Ends with 0 when there is an invoice, 1 when there will be none, 2 when a
// person is needed.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import {
  Client,
  Connection,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowHandle,
} from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';

// What this caller reads of the state; the gateway's OpenAPI document describes all of it.
interface Invoice {
  reference: string;
  status: string;
  number?: string; // what is empty is left out
  amounts?: { gross: string; currency: string };
  problem?: { what: string; fields: { field: string }[]; answers: string[] };
  ended: boolean;
}

// Milliseconds after which it looks whether a person is waited for; a service might take a minute.
const PATIENCE = 2_000;

// Asks for this invoice, as often as you like: its reference is the workflow's id.
//
// The Python client and the gateway add two things. They refuse a reference that comes again with
// other content: here you get the first invoice. And they begin anew where an invoice came to nothing
// (refused, or cancelled as a draft): here you get how that one ended.
async function start(client: Client, request: { reference: string }): Promise<WorkflowHandle> {
  const workflowId = `invoice/${request.reference}`;
  try {
    return await client.workflow.start('InvoiceWorkflow', {
      taskQueue: 'invoicing',
      workflowId,
      workflowIdConflictPolicy: 'USE_EXISTING', // one that runs
      workflowIdReusePolicy: 'REJECT_DUPLICATE', // one that has ended
      args: [request],
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return client.workflow.getHandle(workflowId);
  }
}

// The invoice at its end, or once it needs a person.
async function outcome(handle: WorkflowHandle): Promise<Invoice> {
  const state = (): Promise<Invoice> => handle.query('state');
  // Of one that was refused, the state says why; only an input that cannot be read has none.
  const result: Promise<Invoice> = handle.result().catch((failure) =>
    state().catch(() => { throw failure; }),
  );
  for (;;) {
    const invoice = (await Promise.race([result, pause(PATIENCE)])) ?? (await state());
    if (invoice.ended || invoice.problem) return invoice;
  }
}

// Prints where it is; how to end. A question is answered by a person, in their own time.
function told({ reference, status, number, amounts, problem }: Invoice): number {
  if (problem) {
    // The fields' messages may be the provider's own words: for people, not for logs.
    const asks = status === 'needs_attention';
    const about = asks ? problem.answers : problem.fields.map(({ field }) => field);
    console.log(`${reference}: ${status}: ${problem.what} (${about.join(', ')})`);
    return asks ? 2 : 1;
  }
  console.log(`${reference}: ${status}, number ${number ?? null}, ${amounts?.gross} ${amounts?.currency}`);
  return 0;
}

async function main(path: string): Promise<number> {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  const client = new Client({ connection: await Connection.connect(connectionOptions), namespace });
  return told(await outcome(await start(client, JSON.parse(readFileSync(path, 'utf8')))));
}

// Exits rather than returns: the result may still be waited for.
main(process.argv[2]).then(process.exit, (error) => {
  console.error(error.cause?.message ?? error);
  process.exit(70);
});
