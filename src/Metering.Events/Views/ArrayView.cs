namespace Metering.Events;

/// <summary>An array inside a body: validated, not copied. Valid as long as the body's memory is.</summary>
public readonly ref struct ArrayView<T, TElement>
    where T : allows ref struct
    where TElement : IElement<T>, allows ref struct
{
    private readonly ReadOnlySpan<byte> _raw;

    private ArrayView(ReadOnlySpan<byte> raw, int count)
    {
        _raw = raw;
        Count = count;
    }

    /// <summary>Items in all blocks.</summary>
    public int Count { get; }

    /// <summary>Walks and validates an array; the position behind it, or minus the error.</summary>
    public static int Read(AvroReader reader, int position, out ArrayView<T, TElement> view, scoped ref string? failedField)
    {
        view = default;
        var start = position;
        var total = 0;
        while (true)
        {
            position = reader.ReadBlock(position, out var count, out var end);
            if (position < 0)
                return position;
            if (count == 0 && end < 0)
                break;
            for (var i = 0; i < count; i++)
            {
                position = TElement.Read(reader, position, out _, ref failedField);
                if (position < 0)
                    return position;
            }
            if (end >= 0 && position != end)
                return AvroReader.Fail(DecodeError.BadBlock);
            total += count;
        }
        view = new ArrayView<T, TElement>(reader.Slice(start, position), total);
        return position;
    }

    public Enumerator GetEnumerator() => new(_raw);

    /// <summary>Walks the items in the order in which they were written.</summary>
    public ref struct Enumerator
    {
        private readonly AvroReader _reader;
        private int _position;
        private int _left;
        private T _current;

        internal Enumerator(ReadOnlySpan<byte> raw)
        {
            _reader = new AvroReader(raw);
            _current = default!;
        }

        public readonly T Current => _current;

        public bool MoveNext()
        {
            while (_left == 0)
            {
                if (_position >= _reader.Length)
                    return false;
                _position = _reader.ReadBlock(_position, out _left, out _);
            }
            _left--;
            string? failedField = null;
            _position = TElement.Read(_reader, _position, out _current, ref failedField);
            return true;
        }
    }
}
