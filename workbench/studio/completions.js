import * as CM from "nicegui-codemirror";

// Without Ctrl-Space options are asked for in a word, and where a value or a key of braces begins.
const ASKS = /(?:[\w-]+|[:,{[]\s?)$/;

async function options(context) {
  if (!context.explicit && !context.matchBefore(ASKS)) return null;
  const text = context.state.doc.toString();
  const cursor = [...text.slice(0, context.pos)].length; // Python counts code points
  const answer = await fetch("complete", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ text, cursor }),
  });
  if (!answer.ok) return null;
  const { typed, options } = await answer.json();
  return {
    from: context.pos - typed.length,
    options: options.map(({ label, inserted, info, detail }) => ({
      label,
      apply: inserted,
      info: info || undefined,
      detail,
    })),
  };
}

export default {
  template: "<span hidden></span>",
  props: { editor: Number },
  async mounted() {
    await this.$nextTick(); // until then other elements cannot be asked for
    const editor = await getElement(this.editor).editorPromise;
    const source = CM.EditorState.languageData.of(() => [{ autocomplete: options }]);
    editor.dispatch({ effects: CM.StateEffect.appendConfig.of(source) });
  },
};
