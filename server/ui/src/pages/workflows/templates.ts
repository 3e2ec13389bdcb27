/** Workflows to begin with. */

export const TEMPLATES = {
  empty: `name: New workflow
input:
  name: string
nodes:
  - id: answer
    type: template
    config:
      template: "Hello {{input.name}}!"
`,
  support: `# Models named offline/… answer by rules, without a provider and without a key.
name: Customer support
input:
  message: string
nodes:
  - id: classify
    type: classify
    config:
      model: offline/extract
      text: "{{input.message}}"
      labels: [technical, general]
  - id: technical_support
    type: template
    config: {template: "A technician looks at: {{input.message}}"}
  - id: general_support
    type: template
    config: {template: "Thank you for your message: {{input.message}}"}
edges:
  - {source: classify, target: technical_support, branch: technical}
  - {source: classify, target: general_support, branch: general}
`,
  approval: `name: Approval
input:
  amount: number
nodes:
  - id: ask
    type: approval
    config:
      title: "Pay {{input.amount}}?"
  - id: pay
    type: template
    config: {template: "{{input.amount}} is paid."}
  - id: refuse
    type: template
    config: {template: "{{input.amount}} is not paid."}
edges:
  - {source: ask, target: pay, branch: approve}
  - {source: ask, target: refuse, branch: reject}
`,
};

export type TemplateName = keyof typeof TEMPLATES;
