namespace Metering.Events;

/// <summary>A map inside a body: validated, not copied. Valid as long as the body's memory is. A key may appear twice; the last one counts.</summary>
public readonly ref struct MapView<T, TElement>
    where T : allows ref struct
    where TElement : IElement<T>, allows ref struct
{
    private readonly ReadOnlySpan<byte> _raw;

    private MapView(ReadOnlySpan<byte> raw, int count)
    {
        _raw = raw;
        Count = count;
    }

    /// <summary>Entries in all blocks.</summary>
    public int Count { get; }

    /// <summary>Walks and validates a map; the position behind it, or minus the error.</summary>
    public static int Read(AvroReader reader, int position, out MapView<T, TElement> view, scoped ref string? failedField)
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
                position = reader.ReadString(position, out _);
                if (position < 0)
                    return position;
                position = TElement.Read(reader, position, out _, ref failedField);
                if (position < 0)
                    return position;
            }
            if (end >= 0 && position != end)
                return AvroReader.Fail(DecodeError.BadBlock);
            total += count;
        }
        view = new MapView<T, TElement>(reader.Slice(start, position), total);
        return position;
    }

    public Enumerator GetEnumerator() => new(_raw);

    /// <summary>One key, as its UTF-8 bytes, with its value.</summary>
    public readonly ref struct Entry
    {
        internal Entry(ReadOnlySpan<byte> key, T value)
        {
            Key = key;
            Value = value;
        }

        public ReadOnlySpan<byte> Key { get; }

        public T Value { get; }

        public void Deconstruct(out ReadOnlySpan<byte> key, out T value)
        {
            key = Key;
            value = Value;
        }
    }

    /// <summary>Walks the entries in the order in which they were written.</summary>
    public ref struct Enumerator
    {
        private readonly AvroReader _reader;
        private int _position;
        private int _left;
        private ReadOnlySpan<byte> _key;
        private T _value;

        internal Enumerator(ReadOnlySpan<byte> raw)
        {
            _reader = new AvroReader(raw);
            _value = default!;
        }

        public readonly Entry Current => new(_key, _value);

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
            _position = _reader.ReadBytes(_position, out _key);
            _position = TElement.Read(_reader, _position, out _value, ref failedField);
            return true;
        }
    }
}
