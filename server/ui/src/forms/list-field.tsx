/** The field of a list: a field for each item, and buttons that add and remove them. */
import { formWords } from "#words/forms.ts";
import { Button, IconButton } from "../parts/buttons.tsx";
import { initialValue } from "./initial.ts";
import { within } from "./schema.ts";
import { AnyField, type FieldProperties, type FormOf, Group } from "./schema-form.tsx";

export function ListField(properties: FieldProperties & { form: FormOf; pointer: string }) {
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
