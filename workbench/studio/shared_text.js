import * as CM from "nicegui-codemirror";

// Both sides change the text. A change that is typed says how many changes of the studio it has
// `seen`. The studio takes it if it has seen all, and refuses it otherwise: it is then rebased on
// the change that it had not seen, and sent again.
const OF_STUDIO = CM.Annotation.define();

export default {
  template: "<span hidden></span>",
  props: { editor: Number },
  created() {
    this.seen = 0; // changes of the studio
    this.taken = 0; // changes that were typed and that the studio is known to have taken
    this.waiting = []; // those that were typed after them
    this.ready = new Promise((resolve) => (this.begin = resolve));
  },
  async mounted() {
    await this.$nextTick(); // until then other elements cannot be asked for
    const element = getElement(this.editor);
    this.view = await element.editorPromise;
    element.emitting = false; // its own messages do not say what they have seen
    const listener = CM.EditorView.updateListener.of(({ transactions }) =>
      transactions
        .filter((made) => made.docChanged && !made.annotation(OF_STUDIO))
        .forEach((made) => this.type(made.changes)),
    );
    this.view.dispatch({ effects: CM.StateEffect.appendConfig.of(listener) });
    this.begin();
  },
  methods: {
    type(change) {
      this.waiting.push(change);
      this.send(change);
    },
    send(change) {
      this.$emit("typed", { seen: this.seen, change: change.toJSON() });
    },
    // The studio has taken so many changes of all that were typed.
    confirm(taken) {
      this.waiting.splice(0, taken - this.taken);
      this.taken = taken;
    },
    async receive(taken, from, to, insert) {
      await this.ready;
      this.confirm(taken);
      const { length } = this.waiting[0] ?? this.view.state.doc;
      let change = CM.ChangeSet.of({ from, to, insert }, length);
      this.waiting = this.waiting.map((typed) => {
        const rebased = typed.map(change);
        change = change.map(typed, true);
        return rebased;
      });
      this.seen += 1;
      this.view.dispatch({ changes: change, annotations: OF_STUDIO.of(true) });
      this.waiting.forEach((typed) => this.send(typed));
    },
    async underline(taken, decorations, tooltips) {
      await this.ready;
      this.confirm(taken);
      if (this.waiting.length) return; // marks of what was typed since will come
      const element = getElement(this.editor);
      element.setDecorations(decorations);
      element.setLineTooltips(tooltips);
    },
  },
};
