using System.Buffers;

namespace Metering.Events;

/// <summary>
/// A record. As long as the reader's fields come in the writer's order one pass does; if they do not, a first pass finds
/// where the writer's fields lie, and a second one writes them in the reader's order.
/// </summary>
internal sealed class RecordStep : Step
{
    private readonly List<Part> _parts = [];
    private readonly List<Part> _writerOrder = [];
    private bool _inOrder = true;
    private bool _isIdentity;
    private int _checking;

    /// <summary>In a recursive record it counts as identity until something within it is none.</summary>
    public override bool IsIdentity
    {
        get
        {
            if (!_isIdentity || _checking > 0)
                return _isIdentity;
            _checking++;
            var same = _parts.TrueForAll(part => part.Step.IsIdentity);
            _checking--;
            return same;
        }
    }

    /// <summary>Tells the record its parts; a recursive record is referred to before they are known.</summary>
    /// <param name="writerFields">The writer's fields in order, each with what only reads it.</param>
    /// <param name="readerFields">The reader's fields in order: which of the writer's (-1 = none) and its step, or its default's bytes.</param>
    public void Complete(IReadOnlyList<(string Name, Step Skip)> writerFields, IReadOnlyList<(int WriterField, Step? Step, byte[]? Default)> readerFields)
    {
        var last = -1;
        foreach (var field in readerFields)
        {
            if (field.WriterField < 0)
                continue;
            _inOrder &= field.WriterField > last;
            last = field.WriterField;
        }
        _isIdentity = _inOrder && readerFields.Count == writerFields.Count && readerFields.All(field => field.WriterField >= 0);
        var next = 0;
        foreach (var field in readerFields)
        {
            for (; _inOrder && next < field.WriterField; next++)
                _parts.Add(Part.Dropped(writerFields[next].Name, writerFields[next].Skip));
            next = _inOrder && field.WriterField >= 0 ? field.WriterField + 1 : next;
            _parts.Add(field.WriterField < 0
                ? Part.Fixed(field.Default!)
                : new Part(writerFields[field.WriterField].Name, field.Step!, field.WriterField, Drop: false));
        }
        for (; _inOrder && next < writerFields.Count; next++)
            _parts.Add(Part.Dropped(writerFields[next].Name, writerFields[next].Skip));
        foreach (var (name, skip) in writerFields)
            _writerOrder.Add(Part.Dropped(name, skip));
    }

    public override int Run(ref Transcoder transcoder, int position)
    {
        if (!transcoder.TryEnter())
            return AvroReader.Fail(DecodeError.TooDeep);
        position = _inOrder ? RunInOrder(ref transcoder, position) : RunReordered(ref transcoder, position);
        transcoder.Leave();
        return position;
    }

    private int RunInOrder(ref Transcoder transcoder, int position)
    {
        foreach (var part in _parts)
        {
            position = part.Run(ref transcoder, position);
            if (position < 0)
                return position;
        }
        return position;
    }

    private int RunReordered(ref Transcoder transcoder, int position)
    {
        var starts = ArrayPool<int>.Shared.Rent(_writerOrder.Count);
        for (var i = 0; i < _writerOrder.Count && position >= 0; i++)
        {
            starts[i] = position;
            position = _writerOrder[i].Run(ref transcoder, position);
        }
        var end = position;
        for (var i = 0; i < _parts.Count && position >= 0; i++)
            position = _parts[i].Run(ref transcoder, _parts[i].WriterField < 0 ? end : starts[_parts[i].WriterField]);
        ArrayPool<int>.Shared.Return(starts);
        return position < 0 ? position : end;
    }

    private sealed record Part(string? Name, Step Step, int WriterField, bool Drop)
    {
        public static Part Dropped(string name, Step skip) => new(name, skip, -1, Drop: true);

        public static Part Fixed(byte[] bytes) => new(null, new DefaultStep(bytes), -1, Drop: false);

        public int Run(ref Transcoder transcoder, int position)
        {
            if (Drop)
                transcoder.Mute();
            position = Step.Run(ref transcoder, position);
            if (Drop)
                transcoder.Unmute();
            if (position < 0 && Name is not null)
                FieldPath.Prepend(ref transcoder.FailedField, Name);
            return position;
        }
    }

    /// <summary>A field that the writer lacks: its default, encoded beforehand.</summary>
    private sealed class DefaultStep(byte[] bytes) : Step
    {
        public override bool IsIdentity => false;

        public override int Run(ref Transcoder transcoder, int position) => transcoder.Write(bytes, position);
    }
}
