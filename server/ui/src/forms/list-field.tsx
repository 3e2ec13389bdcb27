/** The field of a list: a field for each item, and buttons that add and remove them. */
import { formWords } from "#words/forms.ts";
import { Button, IconButton } from "../parts/buttons.tsx";
import { CheckField } from "../parts/fields.tsx";
import { initialValue } from "./initial.ts";
import { fieldOf, within } from "./schema.ts";
import { AnyField, type FieldProperties, type FormOf, Group } from "./schema-form.tsx";

export function ListField(properties: FieldProperties & { form: FormOf; pointer: string }) {
  const choices = fieldOf(properties.schema["items"], properties.form.root).schema["enum"];
  if (properties.schema["uniqueItems"] && Array.isArray(choices)) {
    return <ChecksField {...properties} choices={choices} />;
  }
  return <ItemsField {...properties} />;
}

/** A box for each thing that can be in the list once. */
function ChecksField(properties: FieldProperties & { choices: unknown[] }) {
  const { choices, value, onChange } = properties;
  const chosen = Array.isArray(value) ? (value as unknown[]) : [];
  return (
    <Group {...properties}>
      {choices.map((each) => (
        <CheckField
          key={String(each)}
          label={String(each)}
          checked={chosen.includes(each)}
          onChange={(event) => {
            const isIn = event.target.checked;
            onChange(choices.filter((other) => (other === each ? isIn : chosen.includes(other))));
          }}
        />
      ))}
    </Group>
  );
}

function ItemsField(properties: FieldProperties & { form: FormOf; pointer: string }) {
  const { schema, label, form, pointer, onChange, isRequired } = properties;
  const items = Array.isArray(properties.value) ? (properties.value as unknown[]) : [];
  const { maxItems } = schema;
  const set = (changed: unknown[]) =>
    onChange(changed.length === 0 && !isRequired ? undefined : changed);
  const one = label.replace(/s$/, "");
  return (
    <Group {...properties}>
      {items.map((each, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: items have nothing else to be known by
        <div className="item" key={index}>
          <AnyField
            form={form}
            given={schema["items"]}
            name={formWords.item(one, index + 1)}
            value={each}
            pointer={within(pointer, index)}
            isRequired
            onChange={(changed) => set(items.map((old, at) => (at === index ? changed : old)))}
          />
          <IconButton
            label={formWords.remove(formWords.item(one, index + 1))}
            onClick={() => set(items.filter((_, at) => at !== index))}
          >
            ✕
          </IconButton>
        </div>
      ))}
      {items.length === 0 && <p className="hint">{formWords.empty}</p>}
      <Button
        disabled={typeof maxItems === "number" && items.length >= maxItems}
        onClick={() => set([...items, initialValue(schema["items"], form.root)])}
      >
        <span aria-hidden="true">+</span> {formWords.add(label)}
      </Button>
    </Group>
  );
}
