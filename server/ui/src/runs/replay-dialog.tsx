/** Starts a new run that repeats a part of another one. */
import { useState } from "react";
import { runViewWords } from "#words/run-view.ts";
import { part, post } from "../api/client.ts";
import type { MockBody, ReplayRequest, Run } from "../api/types.ts";
import { Button, IconButton } from "../parts/buttons.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { CheckField, SelectField, TextArea, TextField } from "../parts/fields.tsx";
import { navigate } from "../shell/router.tsx";
import { say } from "../shell/status.ts";
import { wholeRun } from "./big-value.tsx";

const said = runViewWords.replay;

/** Where the replay begins, and the nodes that do not run, with their outputs as JSON. */
export interface ReplayWish {
  fromNode?: string;
  afterEvent?: number;
  mocks?: Record<string, { output: string; branch: string }>;
}

export function ReplayDialog(properties: {
  run: Run;
  names: readonly string[];
  wish: ReplayWish;
  onClose(): void;
}) {
  const { run, wish } = properties;
  const [fromNode, setFromNode] = useState(wish.fromNode ?? "");
  const [input, setInput] = useState<string | null>(null);
  const [version, setVersion] = useState("");
  const [mocks, setMocks] = useState(wish.mocks ?? {});
  const submit = async () => {
    const body: ReplayRequest = { wait: false, mocks: readMocks(mocks) };
    if (fromNode) body.from_node = fromNode;
    else if (wish.afterEvent) body.after_event = wish.afterEvent;
    if (input !== null) body.input = readInput(input);
    if (version) body.version = Number(version);
    const started = await post<Run>(`/runs/${part(run.id)}/replay`, body);
    say(said.started);
    properties.onClose();
    navigate(`/ui/runs/${part(started.id)}`);
  };
  const edit = async (isOn: boolean) => {
    if (!isOn) setInput(null);
    else setInput(JSON.stringify((await wholeRun(run.id)).input, null, 2));
  };
  return (
    <FormDialog
      title={said.title}
      submit={said.submit}
      onSubmit={submit}
      onClose={properties.onClose}
      isWide
    >
      <p className="hint">{said.hint}</p>
      <SelectField
        label={said.from}
        hint={said.fromHint}
        value={fromNode}
        onChange={(event) => setFromNode(event.target.value)}
      >
        <option value="">
          {wish.afterEvent
            ? runViewWords.state.after(wish.afterEvent, wish.afterEvent)
            : said.start}
        </option>
        <Names names={properties.names} />
      </SelectField>
      <CheckField
        label={said.changesInput}
        checked={input !== null}
        onChange={(event) => void edit(event.target.checked)}
      />
      {input !== null && (
        <TextArea
          label={said.input}
          className="code"
          rows={6}
          value={input}
          onChange={(event) => setInput(event.target.value)}
        />
      )}
      <Mocks mocks={mocks} names={properties.names} onChange={setMocks} />
      {run.workflow_id && (
        <TextField
          label={said.version}
          hint={said.versionHint}
          type="number"
          min={1}
          value={version}
          onChange={(event) => setVersion(event.target.value)}
        />
      )}
    </FormDialog>
  );
}

type Written = NonNullable<ReplayWish["mocks"]>;

function Mocks(properties: {
  mocks: Written;
  names: readonly string[];
  onChange(mocks: Written): void;
}) {
  const { mocks, onChange } = properties;
  const [name, setName] = useState("");
  const without = (gone: string) =>
    Object.fromEntries(Object.entries(mocks).filter(([each]) => each !== gone));
  return (
    <fieldset className="mocks stack">
      <legend>{said.mocks}</legend>
      {Object.entries(mocks).map(([each, mock]) => (
        <div key={each} className="mock">
          <TextArea
            label={said.mock(each)}
            className="code"
            rows={3}
            value={mock.output}
            onChange={(event) =>
              onChange({ ...mocks, [each]: { ...mock, output: event.target.value } })
            }
          />
          <TextField
            label={said.branch(each)}
            value={mock.branch}
            onChange={(event) =>
              onChange({ ...mocks, [each]: { ...mock, branch: event.target.value } })
            }
          />
          <IconButton label={said.removeMock(each)} onClick={() => onChange(without(each))}>
            ✕
          </IconButton>
        </div>
      ))}
      <div className="row bottom">
        <SelectField
          label={said.choose}
          value={name}
          onChange={(event) => setName(event.target.value)}
        >
          <option value="" />
          <Names names={properties.names.filter((each) => !(each in mocks))} />
        </SelectField>
        <Button
          disabled={!name}
          onClick={() => {
            onChange({ ...mocks, [name]: { output: "null", branch: "" } });
            setName("");
          }}
        >
          {said.addMock}
        </Button>
      </div>
    </fieldset>
  );
}

function Names({ names }: { names: readonly string[] }) {
  return names.map((each) => (
    <option key={each} value={each}>
      {each}
    </option>
  ));
}

function readMocks(mocks: Written): Record<string, MockBody> {
  return Object.fromEntries(
    Object.entries(mocks).map(([name, { output, branch }]) => [
      name,
      { output: read(output, said.mock(name)), branch: branch || null },
    ]),
  );
}

function readInput(text: string): Record<string, unknown> {
  const found = read(text, said.input);
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new Error(said.notObject);
  }
  return found as Record<string, unknown>;
}

function read(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (problem) {
    throw new Error(said.notJson(what, String((problem as Error).message)));
  }
}
