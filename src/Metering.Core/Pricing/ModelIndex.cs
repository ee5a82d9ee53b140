using System.Numerics;
using System.Text;

namespace Metering.Core.Pricing;

/// <summary>Finds a model by its name's UTF-8 bytes: open addressing over an array that is at most half full.</summary>
internal sealed class ModelIndex
{
    private readonly Slot[] _slots;
    private readonly int _mask;

    public ModelIndex(IReadOnlyList<PricedModel> models)
    {
        _slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)Math.Max(4, models.Count * 2))];
        _mask = _slots.Length - 1;
        foreach (var model in models)
        {
            var name = Encoding.UTF8.GetBytes(model.Prices.Model);
            var i = Hash(name) & _mask;
            while (_slots[i].Name is not null)
                i = (i + 1) & _mask;
            _slots[i] = new Slot(name, model);
        }
    }

    public PricedModel? Find(ReadOnlySpan<byte> name)
    {
        if (name.Length > PriceRules.MaxModelBytes)
            return null;
        for (var i = Hash(name) & _mask; _slots[i].Name is { } candidate; i = (i + 1) & _mask)
        {
            if (name.SequenceEqual(candidate))
                return _slots[i].Model;
        }
        return null;
    }

    // HashCode is seeded per process: nobody can prepare names that collide.
    private static int Hash(ReadOnlySpan<byte> name)
    {
        var hash = new HashCode();
        hash.AddBytes(name);
        return hash.ToHashCode() & int.MaxValue;
    }

    private readonly record struct Slot(byte[] Name, PricedModel Model);
}
