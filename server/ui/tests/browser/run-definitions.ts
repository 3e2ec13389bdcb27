/** Workflows whose runs the tests look at. */
import { api } from "./browser.ts";

/** A loop, a map, branches beside each other, retries with `on_error`, a model, and an approval. */
export const ORDER_DESK = `name: Order desk
variables: {reminders: 0}
input:
  type: object
  properties: {customer: {type: string}, items: {type: array, items: {type: string}}}
nodes:
  - {id: greet, type: template, config: {template: "Hello {{input.customer}}!"}}
  - id: kind
    type: classify
    depends_on: [greet]
    config: {text: "{{input.customer}} orders", labels: [order, question], model: gpt-4}
  - id: price
    type: map
    depends_on: [greet]
    config:
      items: "{{input.items}}"
      max_parallel: 3
      body:
        nodes:
          - {id: look, type: wait, config: {for: "0.2s"}}
          - {id: text, type: template, depends_on: [look], config: {template: "{{index}}: {{item}}"}}
  - id: rates
    type: code
    depends_on: [greet]
    retry: {max_attempts: 3, initial_delay: 0.2, on: [any]}
    on_error: {output: {rate: 1}}
    config: {code: "def process():\\n    raise ValueError('The rates are not there.')\\n"}
  - id: count
    type: loop
    depends_on: [price]
    config:
      until: "loop.index >= 2"
      body:
        nodes:
          - {id: bump, type: set, config: {variables: {reminders: "{{loop.index + 1}}"}}}
          - id: say
            type: llm
            depends_on: [bump]
            config: {prompt: "Turn {{loop.index}} for {{input.customer}}", model: offline/echo}
  - id: approve
    type: approval
    join: all
    depends_on: [count, rates, kind]
    config: {title: "Send the order of {{input.customer}}?"}
  - {id: send, type: template, config: {template: "Sent {{price.output.results}}"}}
  - {id: refuse, type: template, config: {template: "Refused"}}
edges:
  - {source: approve, target: send, branch: approve}
  - {source: approve, target: refuse, branch: reject}
`;

export const BROKEN = `name: Broken
nodes:
  - {id: first, type: template, config: {template: "{{input.user.name}}"}}
  - id: second
    type: template
    depends_on: [first]
    config: {template: "{{input.user.nme}}"}
`;

export const CHAIN = `name: Chain
variables: {total: 0}
nodes:
  - {id: a, type: template, config: {template: "{{input.x}}a"}}
  - {id: b, type: set, depends_on: [a], config: {variables: {total: "{{variables.total + 5}}"}}}
  - {id: c, type: template, depends_on: [b], config: {template: "{{a.output.text}} {{variables.total}}"}}
`;

/** A map of many items, which makes four events an item. */
export const MANY = `name: Many
nodes:
  - id: each
    type: map
    config:
      items: "{{range(input.count)}}"
      max_parallel: 50
      body:
        nodes:
          - {id: one, type: template, config: {template: "item {{item}}"}}
          - {id: two, type: template, depends_on: [one], config: {template: "{{one.output.text}}!"}}
`;

/** Turns that take a while. */
export const SLOW = `name: Slow
nodes:
  - id: count
    type: loop
    config:
      until: "loop.index >= 39"
      max_iterations: 50
      body:
        nodes:
          - {id: rest, type: wait, config: {for: "0.25s"}}
          - {id: say, type: template, depends_on: [rest], config: {template: "turn {{loop.index}}"}}
  - {id: after, type: template, depends_on: [count], config: {template: "{{count.output.turns}}"}}
`;

/** Two nodes that rest, the second one for long. */
export const PACED = `name: Paced
nodes:
  - {id: first, type: wait, config: {signal: go}}
  - {id: second, type: wait, depends_on: [first], config: {signal: never}}
`;

/** Text of 1 MB as the output of a node. */
export const BIG = `name: Big
nodes:
  - {id: big, type: code, config: {code: "def process():\\n    return {'text': 'abcdefghij' * 100000}\\n"}}
`;

interface Started {
  id: string;
  status: string;
}

/** Store a workflow, and run it until it rests. */
export async function ran(
  id: string,
  source: string,
  input: unknown,
  more: Record<string, unknown> = {},
): Promise<Started> {
  await api("PUT", `/workflows/${id}`, source);
  return api<Started>("POST", `/workflows/${id}/execute`, { input, ...more });
}

/** Wait until a run has a status. */
export async function until(runId: string, status: string): Promise<void> {
  for (let round = 0; round < 400; round += 1) {
    const run = await api<Started>("GET", `/runs/${runId}?nodes=summary`);
    if (run.status === status) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The run is not ${status}.`);
}

export const ORDER = { customer: "Ada", items: ["pen", "ink", "cap"] };
