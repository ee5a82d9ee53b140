using System.Globalization;
using Avro;
using Avro.Generic;

namespace Metering.Events.Tests.Resolution;

/// <summary>
/// A random record schema, a random later form of it, and random data of the first. One seed, one pair. Fields are not
/// renamed: Apache.Avro puts a default over a field found by its alias, or fails if it has none.
/// </summary>
internal sealed class SchemaPairs(int seed)
{
    private static readonly string[] Numbers = ["int", "long", "float", "double"];

    private readonly Random _random = new(seed);
    private int _names;

    /// <summary>A writer's and a reader's schema in JSON.</summary>
    public (string Writer, string Reader) Create()
    {
        var (writer, reader) = RecordPair(depth: 0, "R");
        return (writer, reader);
    }

    /// <summary>A value of a schema.</summary>
    public object? Value(Schema schema) => schema switch
    {
        RecordSchema record => Record(record),
        EnumSchema symbols => new GenericEnum(symbols, symbols.Symbols[_random.Next(symbols.Count)]),
        FixedSchema bytes => new GenericFixed(bytes, Bytes(bytes.Size)),
        ArraySchema array => Enumerable.Range(0, _random.Next(4)).Select(_ => Value(array.ItemSchema)).ToArray(),
        MapSchema map => Enumerable.Range(0, _random.Next(4)).ToDictionary(i => $"k{i}", _ => Value(map.ValueSchema)!, StringComparer.Ordinal),
        UnionSchema union => Value(union[_random.Next(union.Count)]),
        _ => schema.Tag switch
        {
            Schema.Type.Null => null,
            Schema.Type.Boolean => _random.Next(2) == 0,
            Schema.Type.Int => _random.Next(int.MinValue, int.MaxValue),
            Schema.Type.Long => _random.NextInt64(long.MinValue, long.MaxValue) >> _random.Next(64),
            Schema.Type.Float => (float)_random.NextDouble(),
            Schema.Type.Double => _random.NextDouble(),
            Schema.Type.String => new string('ü', _random.Next(40)),
            Schema.Type.Bytes => Bytes(_random.Next(40)),
            _ => throw new InvalidOperationException(schema.Tag.ToString()),
        },
    };

    private GenericRecord Record(RecordSchema schema)
    {
        var record = new GenericRecord(schema);
        foreach (var field in schema.Fields)
            record.Add(field.Name, Value(field.Schema));
        return record;
    }

    private (string Writer, string Reader) RecordPair(int depth, string name)
    {
        var writer = new List<string>();
        var reader = new List<string>();
        for (var i = _random.Next(1, 6); i > 0; i--)
        {
            var field = NewName("f");
            var (from, to) = TypePair(depth + 1);
            writer.Add($$"""{"name":"{{field}}","type":{{from}}}""");
            switch (_random.Next(5))
            {
                case 0:
                    break;
                default:
                    reader.Add($$"""{"name":"{{field}}","type":{{to}}}""");
                    break;
            }
        }
        if (_random.Next(3) == 0)
            reader.Add(Added());
        if (_random.Next(3) == 0)
            _random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(reader));
        if (reader.Count == 0)
            reader.Add(Added());
        var alias = _random.Next(4) == 0;
        return (
            $$"""{"type":"record","name":"{{name}}","fields":[{{string.Join(',', writer)}}]}""",
            $$"""{"type":"record","name":"{{(alias ? name + "New" : name)}}",{{(alias ? $"\"aliases\":[\"{name}\"]," : "")}}"fields":[{{string.Join(',', reader)}}]}""");
    }

    private string Added() => $$"""{"name":"{{NewName("added")}}",{{_random.Next(6) switch
    {
        0 => "\"type\":\"int\",\"default\":-7",
        1 => "\"type\":\"string\",\"default\":\"dé\"",
        2 => "\"type\":[\"null\",\"long\"],\"default\":null",
        3 => "\"type\":{\"type\":\"array\",\"items\":\"long\"},\"default\":[1,2]",
        4 => "\"type\":{\"type\":\"map\",\"values\":\"double\"},\"default\":{\"a\":1.5}",
        _ => "\"type\":{\"type\":\"record\",\"name\":\"" + NewName("D") + "\",\"fields\":[{\"name\":\"x\",\"type\":\"boolean\"}]},\"default\":{\"x\":true}",
    }}}}""";

    private (string Writer, string Reader) TypePair(int depth)
    {
        switch (_random.Next(depth > 3 ? 6 : 11))
        {
            case 0:
                return ("\"boolean\"", "\"boolean\"");
            case 1:
                return _random.Next(2) == 0 ? ("\"string\"", "\"string\"") : ("\"bytes\"", "\"bytes\"");
            case 2 or 3:
                var from = _random.Next(4);
                return ($"\"{Numbers[from]}\"", $"\"{Numbers[_random.Next(from, 4)]}\"");
            case 4:
                return EnumPair();
            case 5:
                var size = NewName("X") + "\",\"size\":" + _random.Next(1, 6).ToString(CultureInfo.InvariantCulture);
                return ($$"""{"type":"fixed","name":"{{size}}}""", $$"""{"type":"fixed","name":"{{size}}}""");
            case 6:
                var (item, laterItem) = TypePair(depth + 1);
                return ($$"""{"type":"array","items":{{item}}}""", $$"""{"type":"array","items":{{laterItem}}}""");
            case 7:
                var (value, laterValue) = TypePair(depth + 1);
                return ($$"""{"type":"map","values":{{value}}}""", $$"""{"type":"map","values":{{laterValue}}}""");
            case 8:
                return RecordPair(depth + 1, NewName("N"));
            default:
                return UnionPair(depth);
        }
    }

    private (string Writer, string Reader) UnionPair(int depth)
    {
        string inner, later;
        do
        {
            (inner, later) = TypePair(depth + 1);
        }
        while (inner.StartsWith('[') || later.StartsWith('['));
        // A union becomes another type than a plain one only by Avro's rules; Apache.Avro refuses the schemas.
        return _random.Next(later.StartsWith('"') ? 4 : 3) switch
        {
            0 => (inner, $"[\"null\",{later}]"),
            1 => ($"[\"null\",{inner}]", $"[{later},\"null\"]"),
            3 => ($"[{inner},\"null\"]", later),
            _ => ($"[\"null\",{inner}]", $"[\"null\",{later}]"),
        };
    }

    private (string Writer, string Reader) EnumPair()
    {
        var name = NewName("E");
        var symbols = new[] { "\"a\"", "\"b\"", "\"c\"", "\"d\"" };
        var later = symbols.Where(_ => _random.Next(5) > 0).Append("\"z\"").ToArray();
        _random.Shuffle(later);
        return (
            $$"""{"type":"enum","name":"{{name}}","symbols":[{{string.Join(',', symbols)}}]}""",
            $$"""{"type":"enum","name":"{{name}}","symbols":[{{string.Join(',', later)}}]{{(_random.Next(2) == 0 ? ",\"default\":\"z\"" : "")}}}""");
    }

    private string NewName(string prefix) => prefix + (++_names).ToString(CultureInfo.InvariantCulture);

    private byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        _random.NextBytes(bytes);
        return bytes;
    }
}
